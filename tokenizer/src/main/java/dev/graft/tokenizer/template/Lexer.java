package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with Jinja's white space rules: {@code trim_blocks} takes the
 * newline after a block or comment, {@code lstrip_blocks} the blanks before one that starts a line,
 * {@code -} takes all white space on its side and {@code +} none.
 */
final class Lexer {
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?<!\\.)(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+\\-]?(?:\\d+_)*\\d+"
              + "|\\.(?:\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[0-1])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");
  private static final Pattern RAW_END =
      Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(?:\\+%}|-%}\\s*|%}\\n?)");

  /** Longer operators first, so that the longest one wins. */
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;

  /** Whether what was cut last ended with a newline, so that the next tag starts its line. */
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokenize(String template) {
    String normalized = template.replace("\r\n", "\n").replace('\r', '\n');
    if (normalized.endsWith("\n")) {
      normalized = normalized.substring(0, normalized.length() - 1);
    }
    Lexer lexer = new Lexer(normalized);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        add(Kind.DATA, source.substring(at));
        at = source.length();
        break;
      }
      char kind = source.charAt(tag + 1);
      int rawEnd = kind == '%' ? rawBegin(tag) : -1;
      char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      boolean signed = sign == '-' || sign == '+';
      data(source.substring(at, tag), signed ? sign : ' ', kind == '{');
      advance(rawEnd >= 0 ? rawEnd : tag + (signed ? 3 : 2));
      if (rawEnd >= 0) {
        raw();
      } else if (kind == '#') {
        comment();
      } else {
        tokens.add(new Token(kind == '{' ? Kind.VARIABLE_BEGIN : Kind.BLOCK_BEGIN, "", line));
        expression(kind == '%');
      }
    }
    tokens.add(new Token(Kind.END, "", line));
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      char next = i + 1 < source.length() ? source.charAt(i + 1) : ' ';
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return -1;
  }

  private void add(Kind kind, String text) {
    if (kind != Kind.DATA || !text.isEmpty()) {
      tokens.add(new Token(kind, text, line));
    }
  }

  /** Moves on, counting lines. */
  private void advance(int to) {
    for (int i = at; i < to; i++) {
      if (source.charAt(i) == '\n') {
        line++;
      }
    }
    if (to > at) {
      lineStarting = source.charAt(to - 1) == '\n';
    }
    at = to;
  }

  private void data(String text, char sign, boolean beforeVariable) {
    String kept = text;
    if (sign == '-') {
      int end = text.length();
      while (end > 0 && Characters.isSpace(text.charAt(end - 1))) {
        end--;
      }
      kept = text.substring(0, end);
    } else if (sign != '+' && !beforeVariable) {
      int start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || lineStarting) && isBlank(text, start)) {
        kept = text.substring(0, start);
      }
    }
    add(Kind.DATA, kept);
  }

  private static boolean isBlank(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      if (!Characters.isSpace(text.charAt(i))) {
        return false;
      }
    }
    return from < text.length();
  }

  /** The end of {@code {% raw %}} if one starts here, or -1. */
  private int rawBegin(int tag) {
    int i = tag + 2;
    if (source.startsWith("-", i) || source.startsWith("+", i)) {
      i++;
    }
    i = skipSpace(i);
    if (!source.startsWith("raw", i)) {
      return -1;
    }
    i = skipSpace(i + 3);
    if (source.startsWith("-%}", i)) {
      return skipSpace(i + 3);
    }
    return source.startsWith("%}", i) ? i + 2 : -1;
  }

  private int skipSpace(int from) {
    int i = from;
    while (i < source.length() && Characters.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  private void raw() {
    Matcher end = RAW_END.matcher(source);
    if (!end.find(at)) {
      throw TemplateException.at(line, "the raw block is never closed; add {% endraw %}");
    }
    String sign = end.group(1);
    data(source.substring(at, end.start()), sign.isEmpty() ? ' ' : sign.charAt(0), false);
    advance(end.end());
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw TemplateException.at(line, "the comment is never closed; add #}");
    }
    char sign = end > at ? source.charAt(end - 1) : ' ';
    if (sign == '-') {
      advance(skipSpace(end + 2));
    } else {
      boolean newline = sign != '+' && source.startsWith("\n", end + 2);
      advance(end + (newline ? 3 : 2));
    }
  }

  private void expression(boolean block) {
    Deque<Character> open = new ArrayDeque<>();
    while (true) {
      if (at >= source.length()) {
        return;
      }
      if (open.isEmpty() && end(block)) {
        return;
      }
      if (Characters.isSpace(source.charAt(at))) {
        advance(skipSpace(at));
      } else {
        token(open);
      }
    }
  }

  private boolean end(boolean block) {
    String close = block ? "%}" : "}}";
    int after = -1;
    if (source.startsWith(close, at)) {
      after = at + 2;
      after += block && source.startsWith("\n", after) ? 1 : 0;
    } else if (source.startsWith("-" + close, at)) {
      after = skipSpace(at + 3);
    } else if (block && source.startsWith("+" + close, at)) {
      after = at + 3;
    }
    if (after < 0) {
      return false;
    }
    add(block ? Kind.BLOCK_END : Kind.VARIABLE_END, "");
    advance(after);
    return true;
  }

  private void token(Deque<Character> open) {
    char c = source.charAt(at);
    if (c >= '0' && c <= '9') {
      number();
    } else if (c == '\'' || c == '"') {
      string(c);
    } else if (Characters.isWord(source.codePointAt(at))) {
      name();
    } else {
      operator(open);
    }
  }

  private void number() {
    Matcher real = FLOAT.matcher(source).region(at, source.length()).useTransparentBounds(true);
    Matcher integer = INTEGER.matcher(source).region(at, source.length());
    if (real.lookingAt()) {
      add(Kind.FLOAT, real.group().replace("_", ""));
      advance(real.end());
    } else if (integer.lookingAt()) {
      add(Kind.INTEGER, integer.group().replace("_", ""));
      advance(integer.end());
    } else {
      throw TemplateException.at(line, "a malformed number");
    }
  }

  private void name() {
    int end = at;
    while (end < source.length() && Characters.isWord(source.codePointAt(end))) {
      end += Character.charCount(source.codePointAt(end));
    }
    String name = source.substring(at, end);
    if (!Character.isUnicodeIdentifierStart(name.codePointAt(0)) && name.charAt(0) != '_') {
      throw TemplateException.at(line, "'" + name + "' is no valid name");
    }
    add(Kind.NAME, name);
    advance(end);
  }

  private void string(char quote) {
    int end = at + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw TemplateException.at(line, "a string is never closed; add " + quote);
    }
    add(Kind.STRING, Escapes.decode(source.substring(at + 1, end), line));
    advance(end + 1);
  }

  private void operator(Deque<Character> open) {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        balance(operator.charAt(0), open);
        add(Kind.OPERATOR, operator);
        advance(at + operator.length());
        return;
      }
    }
    throw TemplateException.at(
        line, "unexpected character '" + Character.toString(source.codePointAt(at)) + "'");
  }

  private void balance(char c, Deque<Character> open) {
    switch (c) {
      case '{' -> open.push('}');
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '}', ')', ']' -> {
        if (open.isEmpty() || open.pop() != c) {
          throw TemplateException.at(line, "unexpected '" + c + "'; check the brackets");
        }
      }
      default -> {}
    }
  }
}
