package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Callable;
import dev.graft.tokenizer.template.Value.Cycler;
import dev.graft.tokenizer.template.Value.DictView;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Namespace;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyIterator;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyRange;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Real;
import dev.graft.tokenizer.template.Value.Undefined;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/** Python's {@code str(x)} and {@code repr(x)}. */
final class Printer {
  private Printer() {}

  static Str str(Value value) {
    return switch (value) {
      case Str str -> str.asPlain();
      case Undefined _ -> Str.EMPTY;
      case Int integer -> new Str(integer.value().toString());
      default -> repr(value);
    };
  }

  static Str repr(Value value) {
    StrBuilder out = new StrBuilder();
    repr(value, out);
    return out.toStr();
  }

  private static void repr(Value value, StrBuilder out) {
    switch (value) {
      case None _ -> out.append("None");
      case Bool bool -> out.append(bool.value() ? "True" : "False");
      case Int integer -> out.append(integer.value().toString());
      case Real real -> out.append(real(real.value()));
      case Str str -> quote(str, out);
      case PyList list -> sequence("[", list.items(), "]", out);
      case PyTuple tuple ->
          sequence("(", tuple.items(), tuple.items().size() == 1 ? ",)" : ")", out);
      case PyDict dict -> mapping(dict.entries(), out);
      case DictView view -> {
        out.append(view.typeName());
        out.append("([");
        String separator = "";
        for (Value item : Ops.toList(view)) {
          out.append(separator);
          repr(item, out);
          separator = ", ";
        }
        out.append("])");
      }
      case PyRange range -> {
        out.append("range(" + range.start() + ", " + range.stop());
        out.append(range.step() == 1 ? ")" : ", " + range.step() + ")");
      }
      case Namespace namespace -> {
        out.append("<Namespace ");
        mapping(namespace.attributes(), out);
        out.append(">");
      }
      case Undefined _ -> out.append("Undefined");
      case LoopContext loop ->
          out.append("<LoopContext " + (loop.index0() + 1) + "/" + loop.length() + ">");
      case Macro macro -> out.append(macro.describe());
      case Callable _, PyIterator _, Cycler _ ->
          throw PyError.unsupported(
              "printing a " + value.typeName() + " (Python prints its memory address)");
    }
  }

  private static void sequence(String open, List<Value> items, String close, StrBuilder out) {
    out.append(open);
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) {
        out.append(", ");
      }
      repr(items.get(i), out);
    }
    out.append(close);
  }

  private static void mapping(Map<Value, Value> entries, StrBuilder out) {
    out.append("{");
    String separator = "";
    for (Map.Entry<Value, Value> entry : entries.entrySet()) {
      out.append(separator);
      repr(entry.getKey(), out);
      out.append(": ");
      repr(entry.getValue(), out);
      separator = ", ";
    }
    out.append("}");
  }

  private static void quote(Str str, StrBuilder out) {
    String text = str.text();
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    if (str.markup()) {
      out.append("Markup(");
    }
    out.append(quote);
    int start = 0;
    for (int stretch = 0; stretch < str.stretches(); stretch++) {
      out.append(
          escape(text.substring(start, str.stretchEnd(stretch)), quote), str.stretchTag(stretch));
      start = str.stretchEnd(stretch);
    }
    out.append(quote);
    if (str.markup()) {
      out.append(")");
    }
  }

  private static String escape(String text, char quote) {
    StringBuilder out = new StringBuilder(text.length() + 8);
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
              if (c == quote) {
                out.append('\\').append(quote);
              } else if (Characters.isPrintable(c)) {
                out.appendCodePoint(c);
              } else if (c < 0x100) {
                out.append(String.format("\\x%02x", c));
              } else if (c < 0x10000) {
                out.append(String.format("\\u%04x", c));
              } else {
                out.append(String.format("\\U%08x", c));
              }
            }
          }
        });
    return out.toString();
  }

  /** The shortest decimal that reads back as {@code value}, laid out as Python does. */
  static String real(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return Double.doubleToRawLongBits(value) < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = new BigDecimal(Double.toString(Math.abs(value))).stripTrailingZeros();
    String digits = shortest.unscaledValue().toString();
    int point = digits.length() - shortest.scale();
    String sign = value < 0 ? "-" : "";
    if (point > 16 || point < -3) {
      String mantissa =
          digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
      int exponent = point - 1;
      return sign
          + mantissa
          + (exponent < 0 ? "e-" : "e+")
          + (Math.abs(exponent) < 10 ? "0" : "")
          + Math.abs(exponent);
    }
    if (point <= 0) {
      return sign + "0." + "0".repeat(-point) + digits;
    }
    if (point >= digits.length()) {
      return sign + digits + "0".repeat(point - digits.length()) + ".0";
    }
    return sign + digits.substring(0, point) + "." + digits.substring(point);
  }
}
