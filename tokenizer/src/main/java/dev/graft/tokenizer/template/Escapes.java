package dev.graft.tokenizer.template;

/** Python's escapes in a string literal, as its {@code unicode-escape} codec decodes them. */
final class Escapes {
  private Escapes() {}

  static String decode(String literal, int line) {
    if (literal.indexOf('\\') < 0) {
      return literal;
    }
    StringBuilder out = new StringBuilder(literal.length());
    int at = 0;
    while (at < literal.length()) {
      char c = literal.charAt(at++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char escape = literal.charAt(at++);
      switch (escape) {
        case '\n' -> {}
        case '\\', '\'', '"' -> out.append(escape);
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'a' -> out.append('\u0007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'v' -> out.append('\u000b');
        case 'x' -> at = hex(literal, at, 2, out, line);
        case 'u' -> at = hex(literal, at, 4, out, line);
        case 'U' -> at = hex(literal, at, 8, out, line);
        case 'N' -> at = named(literal, at, out, line);
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int end = at;
          while (end < literal.length() && end < at + 2 && isOctal(literal.charAt(end))) {
            end++;
          }
          out.append((char) Integer.parseInt(literal.substring(at - 1, end), 8));
          at = end;
        }
        default -> out.append('\\').append(escape);
      }
    }
    return out.toString();
  }

  private static boolean isOctal(char c) {
    return c >= '0' && c <= '7';
  }

  private static int hex(String literal, int at, int digits, StringBuilder out, int line) {
    int end = at + digits;
    if (end > literal.length()
        || !literal.substring(at, end).chars().allMatch(c -> Character.digit(c, 16) >= 0)) {
      throw TemplateException.at(line, "a truncated \\x, \\u or \\U escape in a string");
    }
    long c = Long.parseLong(literal.substring(at, end), 16);
    if (c > Character.MAX_CODE_POINT) {
      throw TemplateException.at(line, "an escape in a string beyond U+10FFFF");
    }
    out.appendCodePoint((int) c);
    return end;
  }

  private static int named(String literal, int at, StringBuilder out, int line) {
    int end = literal.indexOf('}', at);
    if (!literal.startsWith("{", at) || end < 0) {
      throw TemplateException.at(line, "a malformed \\N{name} escape in a string");
    }
    try {
      out.appendCodePoint(Character.codePointOf(literal.substring(at + 1, end)));
    } catch (IllegalArgumentException e) {
      throw TemplateException.at(
          line, "no character is called " + literal.substring(at + 1, end) + " (\\N escape)");
    }
    return end + 1;
  }
}
