package dev.graft.trainer.compare.score;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What scorers share: normal forms, words, bags. */
final class Texts {

  private static final Pattern FENCE =
      Pattern.compile("(?s)(?:^|\\n)[ \\t]*```[\\w-]*[ \\t]*\\n(.*?)\\n?[ \\t]*```");

  /** Steps that a pattern may take on one text before it is given up. */
  private static final long MAX_STEPS = 20_000_000;

  private Texts() {}

  /**
   * Unicode NFKC, lower case, runs of white space as one space, none at the ends; then without one
   * pair of quotes around it and one full stop at the end.
   */
  static String normalized(String text) {
    String plain =
        Normalizer.normalize(text, Normalizer.Form.NFKC)
            .toLowerCase(Locale.ROOT)
            .replaceAll("\\s+", " ")
            .strip();
    if (plain.length() > 1 && plain.endsWith(".")) {
      plain = plain.substring(0, plain.length() - 1).strip();
    }
    boolean quoted =
        plain.length() > 1
            && (plain.startsWith("\"") && plain.endsWith("\"")
                || plain.startsWith("'") && plain.endsWith("'"));
    return quoted ? plain.substring(1, plain.length() - 1).strip() : plain;
  }

  /** Runs of letters and digits, in lower case. */
  static List<String> words(String text) {
    var words = new ArrayList<String>();
    String lower = text.toLowerCase(Locale.ROOT);
    int i = 0;
    while (i < lower.length()) {
      int c = lower.codePointAt(i);
      int start = i;
      while (i < lower.length() && Character.isLetterOrDigit(c = lower.codePointAt(i))) {
        i += Character.charCount(c);
      }
      if (i > start) {
        words.add(lower.substring(start, i));
      } else {
        i += Character.charCount(c);
      }
    }
    return words;
  }

  /** How often each item occurs. */
  static Map<String, Integer> bag(Iterable<String> items) {
    var bag = new HashMap<String, Integer>();
    items.forEach(item -> bag.merge(item, 1, Integer::sum));
    return bag;
  }

  /** How many items two bags have in common, each as often as in the poorer one. */
  static int common(Map<String, Integer> one, Map<String, Integer> other) {
    int common = 0;
    for (var entry : one.entrySet()) {
      common += Math.min(entry.getValue(), other.getOrDefault(entry.getKey(), 0));
    }
    return common;
  }

  /** Harmonic mean of precision and recall; 0 where both are. */
  static double f1(double precision, double recall) {
    return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall);
  }

  /** What stands in the first fenced block (```), or the whole text where there is none. */
  static String unfenced(String text) {
    Matcher matcher = FENCE.matcher(text);
    return matcher.find() ? matcher.group(1).strip() : text.strip();
  }

  /**
   * A matcher that gives up.
   *
   * @throws IllegalArgumentException (from the matcher) where the pattern takes for ever: nested
   *     repetitions may take time exponential in the text's length
   */
  static Matcher matcher(Pattern pattern, String text) {
    return pattern.matcher(new Counted(text, pattern, 0, text.length(), new long[1]));
  }

  private record Counted(String text, Pattern pattern, int start, int end, long[] steps)
      implements CharSequence {
    @Override
    public int length() {
      return end - start;
    }

    @Override
    public char charAt(int index) {
      if (++steps[0] > MAX_STEPS) {
        throw new IllegalArgumentException(
            "the pattern '%s' takes too long on a text of %,d characters; avoid repetitions within"
                    .formatted(pattern, text.length())
                + " repetitions");
      }
      return text.charAt(start + index);
    }

    @Override
    public CharSequence subSequence(int from, int to) {
      return new Counted(text, pattern, start + from, start + to, steps);
    }

    @Override
    public String toString() {
      return text.substring(start, end);
    }
  }
}
