package dev.graft.tokenizer;

import java.text.Normalizer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

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
 * <p>Qwen's differs in one place, {@code \p{N}} for {@code \p{N}{1,3}}, and is cut here in the same
 * way, since digits stay together.
 *
 * <p><b>Each piece, encoded alone, has the tokens that it has in the text.</b> A match looks back
 * at nothing, and a match that begins in a piece ends in it:
 *
 * <ul>
 *   <li>Letters, or one character that is neither letter, digit nor line break with the letters
 *       behind it: the second alternative takes exactly these. If the one is an apostrophe, the
 *       first may take it with one or two of the letters, and the second the rest.
 *   <li>All digits in a row: the third, once or more often.
 *   <li>Others, with a space before and line breaks behind them: the fourth.
 *   <li>White space up to its last line break: the fifth. Without line break all of it if the text
 *       ends there, else all but the last character (the sixth; {@code (?!\S)} holds at the piece's
 *       end as it does before that character), or a single one (the seventh; alone the sixth takes
 *       it).
 * </ul>
 *
 * <p>This holds if a character is a letter, a digit or white space here exactly if it is one in the
 * core. {@link #knows} says of which characters that is proven (a test asks the core about every
 * one of them).
 */
final class WordCuts {
  private static final int ASCII = 128;
  private static final int[] NONE = {};

  private static final String PATTERN =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|%s"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final Set<String> PATTERNS =
      Set.of(PATTERN.formatted("\\p{N}{1,3}"), PATTERN.formatted("\\p{N}"));

  /** First and last of the characters that are known, see {@link #knows}. */
  static final int[][] KNOWN = {
    {0x00, 0x7F}, // ASCII
    {0xA0, 0x24F}, // Latin
    {0x370, 0x3FF}, // Greek
    {0x400, 0x52F}, // Cyrillic
    {0x1E00, 0x1EFF}, // Latin, Vietnamese
    {0x2000, 0x200D}, // spaces
    {0x2010, 0x2027}, // dashes, quotation marks
    {0x202F, 0x205F}, // more of them
    {0x2070, 0x208E}, // raised and lowered digits
    {0x20A0, 0x20BF}, // currencies
    {0x2100, 0x218B}, // signs, fractions, Roman numerals
    {0x2190, 0x23FF}, // arrows, mathematics
    {0x2460, 0x27BF}, // circled numbers, boxes, symbols
    {0x3000, 0x303F}, // CJK punctuation
    {0x3041, 0x3096}, // Hiragana
    {0x30A0, 0x30FF}, // Katakana
    {0x4E00, 0x9FA5}, // Han
    {0xAC00, 0xD7A3}, // Hangul
    {0xFE0F, 0xFE0F}, // emoji presentation
    {0xFF01, 0xFF5E}, // full width
    {0x1F300, 0x1F64F}, // emoji
    {0x1F680, 0x1F6C5}, // transport
  };

  private static final BitSet KNOWN_CHARACTERS = known();

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

  private static BitSet known() {
    BitSet known = new BitSet();
    for (int[] range : KNOWN) {
      known.set(range[0], range[1] + 1);
    }
    return known;
  }

  /**
   * Whether a tokenizer cuts like this: one of the two patterns, to the letter, then bytes.
   *
   * @param preTokenizer {@code pre_tokenizer} of a tokenizer.json
   */
  static boolean follows(JsonNode preTokenizer) {
    JsonNode steps = preTokenizer.path("pretokenizers");
    if (!preTokenizer.path("type").asString("").equals("Sequence") || steps.size() != 2) {
      return false;
    }
    JsonNode split = steps.get(0);
    JsonNode bytes = steps.get(1);
    return split.path("type").asString("").equals("Split")
        && PATTERNS.contains(split.path("pattern").path("Regex").asString(""))
        && split.path("behavior").asString("").equals("Isolated")
        && !split.path("invert").asBoolean(true)
        && bytes.path("type").asString("").equals("ByteLevel")
        && !bytes.path("add_prefix_space").asBoolean(true)
        && !bytes.path("use_regex").asBoolean(true);
  }

  /**
   * Whether every character of a text is one about which core and Java agree, and none would be
   * changed by normalization to NFC.
   */
  static boolean knows(String text) {
    boolean isAscii = true;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= ASCII) {
        isAscii = false;
        int point = text.codePointAt(i);
        if (!KNOWN_CHARACTERS.get(point)) {
          return false;
        }
        i += Character.charCount(point) - 1;
      }
    }
    return isAscii || Normalizer.isNormalized(text, Normalizer.Form.NFC);
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
  static boolean isSpace(int c) {
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

  static boolean isNumber(int c) {
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
