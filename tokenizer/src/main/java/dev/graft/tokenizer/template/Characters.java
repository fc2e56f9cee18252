package dev.graft.tokenizer.template;

/** Python's classes of characters, where Java draws the lines elsewhere. */
final class Characters {
  private Characters() {}

  /** {@code str.isspace} of one character, which is also {@code \s} in Python's {@code re}. */
  static boolean isSpace(int c) {
    if (c < 0x80) {
      return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
    }
    return c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  /** Where {@code str.splitlines} breaks. */
  static boolean isLineBreak(int c) {
    return (c >= '\n' && c <= '\r')
        || (c >= 0x1c && c <= 0x1e)
        || c == 0x85
        || c == 0x2028
        || c == 0x2029;
  }

  /** {@code str.isprintable} of one character, which decides what {@code repr} escapes. */
  static boolean isPrintable(int c) {
    if (c < 0x7f) {
      return c >= ' ';
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }

  /** {@code str.isalpha} of one character. */
  static boolean isAlpha(int c) {
    return Character.isLetter(c);
  }

  /** {@code str.isalnum} of one character: letters and everything with a numeric value. */
  static boolean isAlnum(int c) {
    return Character.isLetter(c) || isNumeric(c);
  }

  static boolean isDecimal(int c) {
    return Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER;
  }

  /** {@code str.isdigit} of one character: decimals and superscripts, circled digits and such. */
  static boolean isDigit(int c) {
    return isDecimal(c)
        || c == 0xb2
        || c == 0xb3
        || c == 0xb9
        || c == 0x2070
        || (c >= 0x2074 && c <= 0x2079)
        || (c >= 0x2080 && c <= 0x2089)
        || (c >= 0x2460 && c <= 0x2468)
        || (c >= 0x2474 && c <= 0x247c)
        || (c >= 0x2488 && c <= 0x2490)
        || c == 0x24ea
        || (c >= 0x24f5 && c <= 0x24fd)
        || c == 0x24ff
        || (c >= 0x2776 && c <= 0x277e)
        || (c >= 0x2780 && c <= 0x2788)
        || (c >= 0x278a && c <= 0x2792);
  }

  static boolean isNumeric(int c) {
    int type = Character.getType(c);
    return type == Character.DECIMAL_DIGIT_NUMBER
        || type == Character.LETTER_NUMBER
        || type == Character.OTHER_NUMBER
        || isHanNumber(c);
  }

  /** Han characters that stand for a number, as Unicode's database has them. */
  private static boolean isHanNumber(int c) {
    return "一二三四五六七八九十百千万億兆零〇壹貳參肆伍陸柒捌玖拾佰仟萬亿".indexOf(c) >= 0;
  }

  /** {@code \w} in Python's {@code re}. */
  static boolean isWord(int c) {
    return c == '_' || isAlnum(c);
  }

  /** A letter that has case, Python's notion behind {@code islower}, {@code title} and friends. */
  static boolean isCased(int c) {
    return Character.isLowerCase(c) || Character.isUpperCase(c) || Character.isTitleCase(c);
  }

  /** The title case of one character, which may be several ({@code ß} gives {@code Ss}). */
  static String title(int c) {
    int title = Character.toTitleCase(c);
    if (title != c || c < 0x80) {
      return Character.toString(title);
    }
    String upper = Character.toString(c).toUpperCase(java.util.Locale.ROOT);
    if (upper.codePointCount(0, upper.length()) == 1) {
      return upper;
    }
    int first = 0;
    while (first < upper.length() && !isCased(upper.codePointAt(first))) {
      first += Character.charCount(upper.codePointAt(first));
    }
    first = Math.min(upper.length(), first + 1);
    return upper.substring(0, first) + upper.substring(first).toLowerCase(java.util.Locale.ROOT);
  }
}
