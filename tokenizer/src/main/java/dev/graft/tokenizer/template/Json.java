package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Real;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code tojson} as {@code apply_chat_template} defines it: Python's {@code json.dumps} with {@code
 * ensure_ascii} off unless asked for, and no HTML escaping.
 */
final class Json {
  private static final int MAX_DEPTH = 500;

  private final boolean ascii;
  private final @Nullable Str indent;
  private final Str itemSeparator;
  private final Str keySeparator;
  private final boolean sortKeys;
  private final StrBuilder out = new StrBuilder();

  private Json(Arguments arguments) {
    @Nullable Value[] given =
        arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    ascii = given[0] != null && Ops.truthy(given[0]);
    indent = indent(given[1]);
    sortKeys = given[3] != null && Ops.truthy(given[3]);
    if (given[2] == null || given[2] instanceof None) {
      itemSeparator = new Str(indent == null ? ", " : ",");
      keySeparator = new Str(": ");
    } else {
      List<Value> pair = Ops.toList(given[2]);
      if (pair.size() != 2) {
        throw PyError.value("separators must be a pair");
      }
      itemSeparator = StrMethods.text(pair.get(0), "item separator");
      keySeparator = StrMethods.text(pair.get(1), "key separator");
    }
  }

  private static @Nullable Str indent(@Nullable Value value) {
    if (value == null || value instanceof None) {
      return null;
    }
    if (value instanceof Str str) {
      return str.asPlain();
    }
    int blanks = Math.max(0, Numbers.toInt(value, "indent"));
    if (blanks > 1000) {
      throw PyError.limit("tojson with an indent of " + blanks);
    }
    return new Str(" ".repeat(blanks));
  }

  static Str dump(Value value, Arguments arguments) {
    Json json = new Json(arguments);
    json.write(value, 0);
    return json.out.toStr();
  }

  private void write(Value value, int depth) {
    if (depth > MAX_DEPTH) {
      throw PyError.limit("tojson of a value nested deeper than " + MAX_DEPTH);
    }
    switch (value) {
      case None _ -> out.append("null");
      case Bool bool -> out.append(bool.value() ? "true" : "false");
      case Int integer -> out.append(integer.value().toString());
      case Real real -> out.append(real(real.value()));
      case Str str -> quote(str);
      case PyList list -> items(list.items(), depth);
      case PyTuple tuple -> items(tuple.items(), depth);
      case PyDict dict -> entries(dict, depth);
      default ->
          throw PyError.type("Object of type " + value.typeName() + " is not JSON serializable");
    }
  }

  private static String real(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    return Double.isInfinite(value) ? value > 0 ? "Infinity" : "-Infinity" : Printer.real(value);
  }

  private void newline(int depth) {
    if (indent != null) {
      out.append('\n');
      for (int i = 0; i < depth; i++) {
        out.append(indent);
      }
    }
  }

  private void items(List<Value> items, int depth) {
    if (items.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append("[");
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) {
        out.append(itemSeparator);
      }
      newline(depth + 1);
      write(items.get(i), depth + 1);
    }
    newline(depth);
    out.append("]");
  }

  private void entries(PyDict dict, int depth) {
    if (dict.entries().isEmpty()) {
      out.append("{}");
      return;
    }
    List<Map.Entry<Value, Value>> entries = new ArrayList<>(dict.entries().entrySet());
    if (sortKeys) {
      entries.sort((a, b) ->
          Ops.ordered(Ops.Order.LT, a.getKey(), b.getKey())
              ? -1
              : Ops.ordered(Ops.Order.LT, b.getKey(), a.getKey()) ? 1 : 0);
    }
    out.append("{");
    for (int i = 0; i < entries.size(); i++) {
      if (i > 0) {
        out.append(itemSeparator);
      }
      newline(depth + 1);
      quote(key(entries.get(i).getKey()));
      out.append(keySeparator);
      write(entries.get(i).getValue(), depth + 1);
    }
    newline(depth);
    out.append("}");
  }

  private static Str key(Value key) {
    return switch (key) {
      case Str str -> str;
      case None _ -> new Str("null");
      case Bool bool -> new Str(bool.value() ? "true" : "false");
      case Int integer -> new Str(integer.value().toString());
      case Real real -> new Str(real(real.value()));
      default ->
          throw PyError.type("keys must be str, int, float, bool or None, not " + key.typeName());
    };
  }

  private void quote(Str str) {
    out.append("\"");
    int start = 0;
    for (int stretch = 0; stretch < str.stretches(); stretch++) {
      int end = str.stretchEnd(stretch);
      out.append(escape(str.text(), start, end), str.stretchTag(stretch));
      start = end;
    }
    out.append("\"");
  }

  private String escape(String text, int from, int to) {
    int clean = from;
    while (clean < to && isClean(text.charAt(clean))) {
      clean++;
    }
    if (clean == to) {
      return text.substring(from, to);
    }
    StringBuilder escaped = new StringBuilder(to - from + 16).append(text, from, clean);
    for (int i = clean; i < to; i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> escaped.append("\\\"");
        case '\\' -> escaped.append("\\\\");
        case '\n' -> escaped.append("\\n");
        case '\r' -> escaped.append("\\r");
        case '\t' -> escaped.append("\\t");
        case '\b' -> escaped.append("\\b");
        case '\f' -> escaped.append("\\f");
        default -> {
          if (isClean(c)) {
            escaped.append(c);
          } else {
            escaped.append(String.format("\\u%04x", (int) c));
          }
        }
      }
    }
    return escaped.toString();
  }

  private boolean isClean(char c) {
    return c >= ' ' && c != '"' && c != '\\' && (!ascii || c < 0x7f);
  }
}
