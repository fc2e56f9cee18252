package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.Real;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code '{} and {name:>8}'.format(…)}. */
final class BraceFormat {
  private static final Pattern SPEC =
      Pattern.compile(
          "(?:(?<fill>.)?(?<align>[<>=^]))?(?<sign>[+\\- ])?z?(?<alt>#)?(?<zero>0)?"
              + "(?<width>\\d{1,8})?(?<group>[,_])?(?:\\.(?<precision>\\d{1,8}))?(?<kind>[a-zA-Z%])?",
          Pattern.DOTALL);

  private static final int MAX_DEPTH = 2;

  private final Arguments arguments;
  private int automatic;
  private boolean numbered;

  private BraceFormat(Arguments arguments) {
    this.arguments = arguments;
  }

  static Str format(Str format, Arguments arguments) {
    if (format.markup()) {
      throw PyError.unsupported("'format' on an escaped string (Markup)");
    }
    return new BraceFormat(arguments).run(format, MAX_DEPTH);
  }

  private Str run(Str format, int depth) {
    if (depth <= 0) {
      throw PyError.value("Max string recursion exceeded");
    }
    String text = format.text();
    StrBuilder out = new StrBuilder();
    int at = 0;
    while (at < text.length()) {
      int next = at;
      while (next < text.length() && text.charAt(next) != '{' && text.charAt(next) != '}') {
        next++;
      }
      out.append(format.slice(at, next));
      if (next == text.length()) {
        break;
      }
      char brace = text.charAt(next);
      if (next + 1 < text.length() && text.charAt(next + 1) == brace) {
        out.append(brace);
        at = next + 2;
        continue;
      }
      if (brace == '}') {
        throw PyError.value("Single '}' encountered in format string");
      }
      int end = closing(text, next + 1);
      field(format.slice(next + 1, end), depth, out);
      at = end + 1;
    }
    return out.toStr();
  }

  private static int closing(String text, int from) {
    int depth = 1;
    boolean bracket = false;
    for (int at = from; at < text.length(); at++) {
      char c = text.charAt(at);
      if (bracket) {
        bracket = c != ']';
      } else if (c == '[' && depth == 1) {
        bracket = text.indexOf(']', at) >= 0;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return at;
      }
    }
    throw PyError.value(
        from == text.length()
            ? "Single '{' encountered in format string"
            : "expected '}' before end of string");
  }

  private void field(Str field, int depth, StrBuilder out) {
    String text = field.text();
    int end = 0;
    boolean bracket = false;
    while (end < text.length()
        && (bracket || (text.charAt(end) != ':' && text.charAt(end) != '!'))) {
      bracket = bracket ? text.charAt(end) != ']' : text.charAt(end) == '[';
      end++;
    }
    Value value = look(text.substring(0, end));
    char conversion = 0;
    int specStart = end + 1;
    if (end < text.length() && text.charAt(end) == '!') {
      if (end + 1 >= text.length() || (end + 2 < text.length() && text.charAt(end + 2) != ':')) {
        throw PyError.value("expected ':' after conversion specifier");
      }
      conversion = text.charAt(end + 1);
      specStart = end + 3;
    }
    Str spec =
        specStart <= text.length()
            ? run(field.slice(specStart, text.length()), depth - 1)
            : Str.EMPTY;
    Value shown =
        switch (conversion) {
          case 0 -> value;
          case 's' -> Printer.str(value);
          case 'r' -> Printer.repr(value);
          case 'a' -> throw PyError.unsupported("'!a' in format()");
          default -> throw PyError.value("Unknown conversion specifier " + conversion);
        };
    out.append(apply(shown, spec.text()));
  }

  private Value look(String name) {
    int end = 0;
    while (end < name.length() && name.charAt(end) != '.' && name.charAt(end) != '[') {
      end++;
    }
    Value value = argument(name.substring(0, end));
    int at = end;
    while (at < name.length()) {
      if (name.charAt(at) == '.') {
        int stop = at + 1;
        while (stop < name.length() && name.charAt(stop) != '.' && name.charAt(stop) != '[') {
          stop++;
        }
        value = Subscripts.attribute(value, nonEmpty(name.substring(at + 1, stop)));
        at = stop;
      } else if (name.charAt(at) == '[') {
        int stop = name.indexOf(']', at);
        if (stop < 0) {
          throw PyError.value("Missing ']' in format string");
        }
        String key = nonEmpty(name.substring(at + 1, stop));
        value = Subscripts.get(value, isNumber(key) ? Int.of(Long.parseLong(key)) : new Str(key));
        at = stop + 1;
      } else {
        throw PyError.value("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  private static String nonEmpty(String name) {
    if (name.isEmpty()) {
      throw PyError.value("Empty attribute in format string");
    }
    return name;
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty()
        && text.length() < 10
        && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private Value argument(String name) {
    if (name.isEmpty() || isNumber(name)) {
      boolean byNumber = !name.isEmpty();
      if (byNumber ? automatic > 0 : numbered) {
        throw PyError.value("cannot mix manual field specification and automatic field numbering");
      }
      numbered |= byNumber;
      int index = byNumber ? Integer.parseInt(name) : automatic++;
      if (index >= arguments.positional().size()) {
        throw new PyError(
            PyError.Kind.INDEX,
            "Replacement index " + index + " out of range for positional args tuple");
      }
      return arguments.positional().get(index);
    }
    Value value = arguments.named().get(name);
    if (value == null) {
      throw new PyError(PyError.Kind.KEY, "'" + name + "'");
    }
    return value;
  }

  /** Python's {@code format(value, spec)}. */
  static Str apply(Value value, String spec) {
    if (spec.isEmpty()) {
      return Printer.str(value);
    }
    Matcher parts = SPEC.matcher(spec);
    if (!parts.matches()) {
      throw PyError.value("Invalid format specifier");
    }
    String kindGroup = parts.group("kind");
    char kind = kindGroup == null ? 0 : kindGroup.charAt(0);
    boolean text = value instanceof Str;
    if (!text && !(value instanceof Num)) {
      throw PyError.type("unsupported format string passed to " + value.typeName() + ".__format__");
    }
    Str shown = text ? text((Str) value, kind, parts) : new Str(number((Num) value, kind, parts));
    return align(shown, text, parts);
  }

  private static Str text(Str value, char kind, Matcher parts) {
    if ((kind != 0 && kind != 's')
        || parts.group("sign") != null
        || parts.group("alt") != null
        || parts.group("group") != null
        || "=".equals(parts.group("align"))) {
      throw PyError.value("Unknown format code or flag for object of type 'str'");
    }
    String precision = parts.group("precision");
    int limit = precision == null ? Integer.MAX_VALUE : Integer.parseInt(precision);
    Str plain = value.asPlain();
    return limit < plain.length() ? plain.slice(0, plain.offset(limit)) : plain;
  }

  private static String number(Num value, char kind, Matcher parts) {
    String precision = parts.group("precision");
    String sign = parts.group("sign");
    String group = parts.group("group");
    boolean integer = !(value instanceof Real);
    boolean known = (integer ? "bcdoxXneEfFgG%" : "eEfFgGn%").indexOf(kind) >= 0;
    if ((kind != 0 && !known) || kind == 'c') {
      throw PyError.value(
          "Unknown format code '" + kind + "' for object of type '" + value.typeName() + "'");
    }
    if (kind == 0 && value instanceof Bool bool) {
      // format(True, '>5') falls through to int.__format__, which prints 1.
      return formatInteger(Int.of(bool.value() ? 1 : 0), 'd', sign, group, parts);
    }
    if (integer && (kind == 0 || "bdoxXn".indexOf(kind) >= 0)) {
      if (precision != null) {
        throw PyError.value("Precision not allowed in integer format specifier");
      }
      return formatInteger(value, kind == 0 ? 'd' : kind, sign, group, parts);
    }
    return new NumberFormat(
            sign == null ? '-' : sign.charAt(0),
            parts.group("alt") != null,
            precision == null ? -1 : Integer.parseInt(precision),
            group == null ? 0 : group.charAt(0),
            kind)
        .real(Numbers.toDouble(value));
  }

  private static String formatInteger(
      Num value, char kind, String sign, String group, Matcher parts) {
    return new NumberFormat(
            sign == null ? '-' : sign.charAt(0),
            parts.group("alt") != null,
            -1,
            group == null ? 0 : group.charAt(0),
            kind)
        .integer(value.asInteger());
  }

  private static Str align(Str shown, boolean text, Matcher parts) {
    String width = parts.group("width");
    int missing = width == null ? 0 : Integer.parseInt(width) - shown.length();
    if (missing <= 0) {
      return shown;
    }
    boolean zero = parts.group("zero") != null;
    if (zero && parts.group("group") != null) {
      throw PyError.unsupported("a format specification with both zero padding and grouping");
    }
    String align = parts.group("align");
    if (align == null) {
      align = zero && !text ? "=" : text ? "<" : ">";
    }
    String fill = parts.group("fill");
    fill = fill != null ? fill : zero ? "0" : " ";
    int signLength = align.equals("=") && "+- ".indexOf(shown.text().charAt(0)) >= 0 ? 1 : 0;
    if (align.equals("=")
        && parts.group("alt") != null
        && shown.text().length() > signLength + 1
        && "xXob".indexOf(shown.text().charAt(signLength + 1)) >= 0) {
      signLength += 2;
    }
    int left =
        switch (align) {
          case "<" -> 0;
          case "^" -> missing / 2;
          case "=" -> missing;
          default -> missing;
        };
    return new StrBuilder()
        .append(shown.slice(0, signLength))
        .append(fill.repeat(left))
        .append(shown.slice(signLength, shown.text().length()))
        .append(fill.repeat(missing - left))
        .toStr();
  }
}
