package dev.graft.tokenizer.check;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which language a text is in, for those that the data of most companies is in: by its script, and
 * for Latin letters by its commonest words. Says nothing where it is not sure.
 */
final class Languages {
  private static final int SAMPLE = 1000;
  private static final int WORDS = 15;
  private static final int LONGEST = 6;

  // None that is a word of another language of these, or an abbreviation: no, come, die, ER.
  private static final Map<String, Set<String>> COMMON =
      Map.of(
          "English",
          words("the and of to is in that was with for are this have not on he she you be as"),
          "German",
          words("der das und oder ist nicht mit den von zu ein eine ich sie auf für im dem auch"),
          "French",
          words("le la les des est et une dans que pour pas avec sur vous qui du au sont il"),
          "Spanish",
          words("el la los las que y en una por con para es pero del se como está su al"),
          "Italian",
          words("il la che di e ma per una con sono è del gli nel della si questo più le"),
          "Portuguese",
          words("que da em um uma para com não os na por é se mais dos ao foi são ele muito"),
          "Dutch",
          words("de het een en van wordt niet dat op te met voor zijn ik je aan ook maar"));

  private static final Pattern TRANSLATION =
      Pattern.compile("\\b(?:translat|übersetz|tradu|traduz|vertaal)");

  private static final List<String> NAMES = List.copyOf(COMMON.keySet());

  /** A bit for each of {@link #NAMES}, so that a word is looked up once. */
  private static final Map<String, Integer> LANGUAGES_OF = new HashMap<>();

  static {
    for (int i = 0; i < NAMES.size(); i++) {
      int bit = 1 << i;
      COMMON
          .getOrDefault(NAMES.get(i), Set.of())
          .forEach(word -> LANGUAGES_OF.merge(word, bit, (one, other) -> one | other));
    }
  }

  private Languages() {}

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  /** Whether a prompt asks for an answer in a language, or for a translation. */
  static boolean isAskedFor(String language, String prompt) {
    String text = prompt.toLowerCase(Locale.ROOT);
    return TRANSLATION.matcher(text).find()
        || text.contains(language.replace(" script", "").toLowerCase(Locale.ROOT));
  }

  static Optional<String> of(String text) {
    String sample = text.length() <= SAMPLE ? text : text.substring(0, SAMPLE);
    Optional<String> script = script(sample);
    if (script.isPresent()) {
      return script;
    }
    int[] hits = new int[NAMES.size()];
    int words = 0;
    for (int i = 0; i < sample.length(); i++) {
      int start = i;
      while (i < sample.length() && isLetter(sample.charAt(i))) {
        i++;
      }
      if (i > start) {
        words++;
        int languages =
            i - start > LONGEST
                ? 0
                : LANGUAGES_OF.getOrDefault(sample.substring(start, i).toLowerCase(Locale.ROOT), 0);
        for (int left = languages; left != 0; left &= left - 1) {
          hits[Integer.numberOfTrailingZeros(left)]++;
        }
      }
    }
    return words < WORDS ? Optional.empty() : surest(hits, words);
  }

  private static boolean isLetter(char c) {
    return c < 128 ? (c | 0x20) >= 'a' && (c | 0x20) <= 'z' : Character.isLetter(c);
  }

  private static Optional<String> surest(int[] hits, int words) {
    int best = 0;
    for (int i = 1; i < hits.length; i++) {
      best = hits[i] > hits[best] ? i : best;
    }
    int second = 0;
    for (int i = 0; i < hits.length; i++) {
      second = i == best ? second : Math.max(second, hits[i]);
    }
    int most = hits[best];
    boolean sure = most >= 4 && most * 100 >= words * 12 && most * 2 >= second * 3;
    return sure ? Optional.of(NAMES.get(best)) : Optional.empty();
  }

  private static Optional<String> script(String text) {
    Map<Character.UnicodeScript, Integer> letters = new HashMap<>();
    int total = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (isLetter(c)) {
        total++;
        if (c > 0x24F) {
          letters.merge(Character.UnicodeScript.of(c), 1, Integer::sum);
        }
      }
    }
    for (Map.Entry<Character.UnicodeScript, Integer> script : letters.entrySet()) {
      if (script.getValue() * 2 > total && total >= 10) {
        return Optional.of(
            switch (script.getKey()) {
              case HIRAGANA, KATAKANA -> "Japanese";
              case HAN ->
                  letters.containsKey(Character.UnicodeScript.HIRAGANA) ? "Japanese" : "Chinese";
              case HANGUL -> "Korean";
              case CYRILLIC -> "Cyrillic script";
              case ARABIC -> "Arabic script";
              case GREEK -> "Greek";
              case HEBREW -> "Hebrew";
              default -> script.getKey() + " script";
            });
      }
    }
    return Optional.empty();
  }
}
