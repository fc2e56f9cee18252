package dev.graft.tokenizer.check;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which language a text is in, for those that the data of most companies is in: by its script, and
 * for Latin letters by its commonest words. Says nothing where it is not sure.
 */
final class Languages {
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

  private Languages() {}

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  static Optional<String> of(String text) {
    String sample = text.length() <= 2000 ? text : text.substring(0, 2000);
    Optional<String> script = script(sample);
    if (script.isPresent()) {
      return script;
    }
    String[] words = sample.toLowerCase(Locale.ROOT).split("[^\\p{L}]+");
    if (words.length < 15) {
      return Optional.empty();
    }
    Map<String, Integer> hits = new HashMap<>();
    for (String word : words) {
      COMMON.forEach((language, common) -> {
        if (common.contains(word)) {
          hits.merge(language, 1, Integer::sum);
        }
      });
    }
    String best = "";
    int most = 0;
    int second = 0;
    for (Map.Entry<String, Integer> hit : hits.entrySet()) {
      if (hit.getValue() > most) {
        second = most;
        most = hit.getValue();
        best = hit.getKey();
      } else {
        second = Math.max(second, hit.getValue());
      }
    }
    boolean sure = most >= 4 && most * 100 >= words.length * 12 && most * 2 >= second * 3;
    return sure ? Optional.of(best) : Optional.empty();
  }

  private static Optional<String> script(String text) {
    Map<Character.UnicodeScript, Integer> letters = new HashMap<>();
    int total = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isLetter(c)) {
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
