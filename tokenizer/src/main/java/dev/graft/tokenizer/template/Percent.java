package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyRange;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Real;
import dev.graft.tokenizer.template.Value.Undefined;
import java.math.BigInteger;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code '%s and %d' % values}. */
final class Percent {
  private final Str format;
  private final String text;
  private final Value argument;
  private final List<Value> values;
  private final StrBuilder out = new StrBuilder();
  private int at;
  private int used;

  private Percent(Str format, Value argument) {
    this.format = format;
    this.text = format.text();
    this.argument = argument;
    this.values = argument instanceof PyTuple tuple ? tuple.items() : List.of(argument);
  }

  static Str format(Str format, Value argument) {
    if (format.markup()) {
      throw PyError.unsupported("'%' on an escaped string (Markup)");
    }
    return new Percent(format, argument).run();
  }

  private Str run() {
    int start = 0;
    while ((at = text.indexOf('%', at)) >= 0) {
      out.append(format.slice(start, at));
      at++;
      conversion();
      start = at;
    }
    out.append(format.slice(start, text.length()));
    // Python forgives what is left over of anything with subscripts, for it might be a mapping.
    boolean subscriptable =
        switch (argument) {
          case PyDict _, PyList _, PyRange _, Undefined _ -> true;
          default -> false;
        };
    if (used < values.size() && !subscriptable) {
      throw PyError.type("not all arguments converted during string formatting");
    }
    return out.toStr();
  }

  private void conversion() {
    @Nullable Value chosen = null;
    if (peek() == '(') {
      chosen = mapped();
    }
    String flags = "";
    while (at < text.length() && "-+ #0".indexOf(text.charAt(at)) >= 0) {
      flags += text.charAt(at++);
    }
    int width = number(chosen != null);
    if (width < 0 && width != NONE) {
      flags += "-";
      width = -width;
    }
    int precision = NONE;
    if (peek() == '.') {
      at++;
      precision = Math.max(0, number(chosen != null));
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') {
      at++;
    }
    if (at >= text.length()) {
      throw PyError.value("incomplete format");
    }
    char kind = text.charAt(at++);
    if (kind == '%') {
      out.append('%');
      return;
    }
    Value value = chosen != null ? chosen : next();
    NumberFormat spec =
        new NumberFormat(
            flags.indexOf('+') >= 0 ? '+' : flags.indexOf(' ') >= 0 ? ' ' : '-',
            flags.indexOf('#') >= 0,
            precision == NONE ? -1 : precision,
            '\0',
            kind);
    emit(value, kind, spec, flags, width == NONE ? 0 : width);
  }

  private static final int NONE = Integer.MIN_VALUE;

  private char peek() {
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private Value mapped() {
    if (!(argument instanceof PyDict dict)) {
      throw PyError.type("format requires a mapping");
    }
    int depth = 1;
    int start = ++at;
    while (depth > 0) {
      if (at >= text.length()) {
        throw PyError.value("incomplete format key");
      }
      char c = text.charAt(at++);
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    }
    String key = text.substring(start, at - 1);
    Value value = dict.entries().get(new Str(key));
    if (value == null) {
      throw new PyError(PyError.Kind.KEY, "'" + key + "'");
    }
    return value;
  }

  private int number(boolean fromMapping) {
    if (peek() == '*') {
      at++;
      if (fromMapping) {
        throw PyError.type("* wants int");
      }
      Value value = next();
      if (!Numbers.isInteger(value)) {
        throw PyError.type("* wants int");
      }
      return Numbers.toInt(value, "*");
    }
    int start = at;
    while (Character.isDigit(peek())) {
      at++;
    }
    if (start == at) {
      return NONE;
    }
    if (at - start > 8) {
      throw PyError.limit("a width in a '%' format is too large");
    }
    return Integer.parseInt(text.substring(start, at));
  }

  private Value next() {
    if (used >= values.size()) {
      throw PyError.type("not enough arguments for format string");
    }
    return values.get(used++);
  }

  private void emit(Value value, char kind, NumberFormat spec, String flags, int width) {
    switch (kind) {
      case 's', 'r', 'a' -> {
        Str shown = kind == 's' ? Printer.str(value) : Printer.repr(value);
        if (kind == 'a' && !shown.text().chars().allMatch(c -> c < 0x80)) {
          throw PyError.unsupported("'%a' of text outside ASCII");
        }
        if (spec.precision() >= 0 && spec.precision() < shown.length()) {
          shown = shown.slice(0, shown.offset(spec.precision()));
        }
        pad(shown, flags, width, 0);
      }
      case 'c' -> pad(character(value), flags, width, 0);
      case 'd', 'i', 'u', 'x', 'X', 'o' -> {
        String shown = spec.integer(integer(value, kind));
        pad(Str.of(shown), flags, width, signLength(shown));
      }
      case 'f', 'F', 'e', 'E', 'g', 'G' -> {
        String shown = spec.real(real(value));
        boolean finite = Character.isDigit(shown.charAt(shown.length() - 1)) || shown.endsWith(".");
        pad(Str.of(shown), finite ? flags : flags.replace("0", ""), width, signLength(shown));
      }
      default ->
          throw PyError.value("unsupported format character '" + kind + "' at index " + (at - 1));
    }
  }

  /** Characters that zeros go behind: the sign and a 0x. */
  private static int signLength(String number) {
    int sign = !number.isEmpty() && "+- ".indexOf(number.charAt(0)) >= 0 ? 1 : 0;
    boolean prefixed = number.length() > sign + 1 && "xXo".indexOf(number.charAt(sign + 1)) >= 0;
    return prefixed ? sign + 2 : sign;
  }

  private static Str character(Value value) {
    if (value instanceof Str str) {
      if (str.length() != 1) {
        throw PyError.type("%c requires int or char");
      }
      return str;
    }
    if (!Numbers.isInteger(value)) {
      throw PyError.type("%c requires int or char");
    }
    int c = Numbers.toInt(value, "%c");
    if (!Character.isValidCodePoint(c)) {
      throw new PyError(PyError.Kind.OVERFLOW, "a character number is not in range(0x110000)");
    }
    return new Str(Character.toString(c));
  }

  private static BigInteger integer(Value value, char kind) {
    if (value instanceof Undefined undefined && "diu".indexOf(kind) >= 0) {
      throw undefined.error();
    }
    if (!(value instanceof Num number) || (value instanceof Real && "diu".indexOf(kind) < 0)) {
      throw PyError.type("%" + kind + " format: a number is required, not " + value.typeName());
    }
    return Numbers.truncate(number);
  }

  private static double real(Value value) {
    return switch (value) {
      case Num number -> Numbers.toDouble(number);
      case Undefined undefined -> throw undefined.error();
      default -> throw PyError.type("must be real number, not " + value.typeName());
    };
  }

  private void pad(Str shown, String flags, int width, int zerosAfter) {
    int missing = width - shown.length();
    if (missing <= 0) {
      out.append(shown);
      return;
    }
    boolean left = flags.indexOf('-') >= 0;
    boolean number = text.charAt(at - 1) != 's' && "rac".indexOf(text.charAt(at - 1)) < 0;
    if (!left && number && flags.indexOf('0') >= 0) {
      out.append(shown.slice(0, zerosAfter))
          .append("0".repeat(missing))
          .append(shown.slice(zerosAfter, shown.text().length()));
    } else {
      out.append(left ? "" : " ".repeat(missing))
          .append(shown)
          .append(left ? " ".repeat(missing) : "");
    }
  }
}
