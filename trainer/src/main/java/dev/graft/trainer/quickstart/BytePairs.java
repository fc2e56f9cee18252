package dev.graft.trainer.quickstart;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Learns a byte-level byte-pair encoding (Sennrich et al. 2016, section 3.2, over bytes as GPT-2
 * does): starting from the 256 bytes, the most frequent pair of neighbours becomes a token, again
 * and again. Any text can be encoded with it.
 */
final class BytePairs {

  /** Words within which pairs are joined; what Hugging Face's ByteLevel pre-tokenizer splits by. */
  private static final Pattern WORDS =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

  /** A pair of neighbouring tokens. */
  record Pair(String left, String right) {

    private static final Comparator<Pair> ORDER =
        Comparator.comparing(Pair::left).thenComparing(Pair::right);

    String joined() {
      return left + right;
    }
  }

  private BytePairs() {}

  /** The 256 one-byte tokens, in the order of the bytes. */
  static List<String> alphabet() {
    var alphabet = new ArrayList<String>();
    int unprintable = 0;
    for (int b = 0; b < 256; b++) {
      // GPT-2's table: printable bytes stand for themselves, the rest for characters from U+0100.
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      alphabet.add(Character.toString(printable ? b : 0x100 + unprintable++));
    }
    return List.copyOf(alphabet);
  }

  /** The first merges that a text suggests; fewer, if no pair is left that occurs twice. */
  static List<Pair> learn(String text, int merges) {
    Map<List<String>, Integer> words = words(text);
    var learned = new ArrayList<Pair>();
    while (learned.size() < merges) {
      Pair best = mostFrequent(words);
      if (best == null) {
        break;
      }
      learned.add(best);
      words = merge(words, best);
    }
    return List.copyOf(learned);
  }

  private static Map<List<String>, Integer> words(String text) {
    List<String> alphabet = alphabet();
    var counts = new TreeMap<String, Integer>();
    Matcher matcher = WORDS.matcher(text);
    while (matcher.find()) {
      counts.merge(matcher.group(), 1, Integer::sum);
    }
    var words = new HashMap<List<String>, Integer>();
    counts.forEach((word, count) -> {
      var symbols = new ArrayList<String>();
      for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
        symbols.add(alphabet.get(b & 0xff));
      }
      words.put(List.copyOf(symbols), count);
    });
    return words;
  }

  /** Ties go to the pair that sorts first, so that the result does not depend on a hash's order. */
  private static @Nullable Pair mostFrequent(Map<List<String>, Integer> words) {
    var counts = new HashMap<Pair, Integer>();
    words.forEach((word, count) -> {
      for (int i = 0; i + 1 < word.size(); i++) {
        counts.merge(new Pair(word.get(i), word.get(i + 1)), count, Integer::sum);
      }
    });
    return counts.entrySet().stream()
        .filter(entry -> entry.getValue() > 1)
        .max(
            Map.Entry.<Pair, Integer>comparingByValue()
                .thenComparing(Map.Entry.comparingByKey(Pair.ORDER.reversed())))
        .map(Map.Entry::getKey)
        .orElse(null);
  }

  private static Map<List<String>, Integer> merge(Map<List<String>, Integer> words, Pair pair) {
    var merged = new HashMap<List<String>, Integer>();
    words.forEach((word, count) -> {
      var symbols = new ArrayList<String>();
      for (int i = 0; i < word.size(); i++) {
        boolean joins =
            i + 1 < word.size()
                && word.get(i).equals(pair.left())
                && word.get(i + 1).equals(pair.right());
        symbols.add(joins ? pair.joined() : word.get(i));
        i += joins ? 1 : 0;
      }
      merged.put(List.copyOf(symbols), count);
    });
    return merged;
  }
}
