package dev.graft.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Cuts a text where Llama 3's tokenizer cuts it, or more coarsely: at special and added tokens and,
 * between those, where its pattern does (Hugging Face's {@code tokenizer.json}, {@code
 * pre_tokenizer}):
 *
 * <pre>{@code
 * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
 * |\s*[\r\n]+|\s+(?!\S)|\s+
 * }</pre>
 *
 * <p>Digits stay together, and a contraction stays with the letters behind it, since a piece that
 * is encoded alone is cut on by the tokenizer itself in the same way.
 */
final class WordCuts {
  private static final int ASCII = 128;
  private static final int[] NONE = {};

  /** (first character) the lengths of added tokens, descending; those beyond ASCII apart. */
  private final int[][] lengths = new int[ASCII][0];

  private final Map<Character, int[]> otherLengths = new HashMap<>();
  private final Set<String> added;

  /**
   * @param added all special and added tokens
   */
  WordCuts(Set<String> added) {
    this.added = Set.copyOf(added);
    Map<Character, TreeSet<Integer>> byFirst = new HashMap<>();
    for (String token : added) {
      if (!token.isEmpty()) {
        byFirst.computeIfAbsent(token.charAt(0), _ -> new TreeSet<>()).add(token.length());
      }
    }
    byFirst.forEach((first, all) -> {
      int[] descending = all.descendingSet().stream().mapToInt(it -> it).toArray();
      if (first < ASCII) {
        lengths[first] = descending;
      } else {
        otherLengths.put(first, descending);
      }
    });
  }

  /** Where the pieces of a text end, ascending; the last is the text's end. */
  int[] of(String text) {
    int[] ends = new int[Math.max(16, text.length() / 4)];
    int count = 0;
    int from = 0;
    while (from < text.length()) {
      int limit = from;
      int token = 0;
      while (limit < text.length() && token == 0) {
        token = addedAt(text, limit);
        limit += token == 0 ? 1 : 0;
      }
      while (from < limit) {
        from = next(text, from, limit);
        ends = room(ends, count);
        ends[count++] = from;
      }
      if (token > 0) {
        from += token;
        ends = room(ends, count);
        ends[count++] = from;
      }
    }
    return Arrays.copyOf(ends, count);
  }

  private static int[] room(int[] ends, int count) {
    return count == ends.length ? Arrays.copyOf(ends, count * 2) : ends;
  }

  /** The length of the longest added token that stands here, or 0. */
  private int addedAt(String text, int at) {
    char first = text.charAt(at);
    int[] candidates = NONE;
    if (first < ASCII) {
      candidates = lengths[first];
    } else if (!otherLengths.isEmpty()) {
      candidates = otherLengths.getOrDefault(first, NONE);
    }
    for (int length : candidates) {
      if (at + length <= text.length() && added.contains(text.substring(at, at + length))) {
        return length;
      }
    }
    return 0;
  }

  /** Where the piece ends that begins here. */
  private static int next(String text, int at, int limit) {
    int c = text.codePointAt(at);
    int behind = at + Character.charCount(c);
    if (Character.isLetter(c)) {
      return letters(text, behind, limit);
    }
    if (isNumber(c)) {
      int end = behind;
      while (end < limit && isNumber(text.codePointAt(end))) {
        end += Character.charCount(text.codePointAt(end));
      }
      return end;
    }
    if (!isLineBreak(c) && behind < limit && Character.isLetter(text.codePointAt(behind))) {
      return letters(text, behind, limit);
    }
    if (isSpace(c)) {
      boolean leads = c == ' ' && behind < limit && isOther(text.codePointAt(behind));
      return leads ? others(text, behind, limit) : spaces(text, at, limit);
    }
    return others(text, behind, limit);
  }

  private static int letters(String text, int from, int limit) {
    int end = from;
    while (end < limit && Character.isLetter(text.codePointAt(end))) {
      end += Character.charCount(text.codePointAt(end));
    }
    return end;
  }

  private static int others(String text, int from, int limit) {
    int end = from;
    while (end < limit && isOther(text.codePointAt(end))) {
      end += Character.charCount(text.codePointAt(end));
    }
    while (end < limit && isLineBreak(text.charAt(end))) {
      end++;
    }
    return end;
  }

  /** Up to the last line break among them; else all but the last, which goes with what follows. */
  private static int spaces(String text, int at, int limit) {
    int end = at;
    int lineBreak = -1;
    while (end < limit && isSpace(text.charAt(end))) {
      lineBreak = isLineBreak(text.charAt(end)) ? end : lineBreak;
      end++;
    }
    if (lineBreak >= 0) {
      return lineBreak + 1;
    }
    return end == limit || end == at + 1 ? end : end - 1;
  }

  private static boolean isLineBreak(int c) {
    return c == '\n' || c == '\r';
  }

  /** Unicode's White_Space, all of it within 16 bits. */
  private static boolean isSpace(int c) {
    return c <= ' '
        ? c == ' ' || (c >= 9 && c <= 13)
        : c >= 0x85
            && (c == 0x85
                || c == 0xA0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200A)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202F
                || c == 0x205F
                || c == 0x3000);
  }

  private static boolean isNumber(int c) {
    if (c < 128) {
      return c >= '0' && c <= '9';
    }
    int type = Character.getType(c);
    return type == Character.DECIMAL_DIGIT_NUMBER
        || type == Character.LETTER_NUMBER
        || type == Character.OTHER_NUMBER;
  }

  private static boolean isOther(int c) {
    return !isSpace(c) && !Character.isLetter(c) && !isNumber(c);
  }
}
