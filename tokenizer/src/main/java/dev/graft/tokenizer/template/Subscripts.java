package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.DictView;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Namespace;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyRange;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Real;
import dev.graft.tokenizer.template.Value.Undefined;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code x.name}, {@code x[key]} and {@code x[a:b:c]}, with Jinja's fallbacks between the two. */
final class Subscripts {
  private Subscripts() {}

  /** {@code x.name}: the attribute, else the item, else undefined. */
  static Value attribute(Value object, String name) {
    if (object instanceof Undefined undefined) {
      throw undefined.error();
    }
    Value attribute = Attributes.get(object, name);
    if (attribute != null) {
      return attribute;
    }
    Value item = item(object, new Str(name));
    return item != null ? item : missing(object, "attribute '" + name + "'");
  }

  /** {@code x[key]}: the item, else the attribute of that name, else undefined. */
  static Value get(Value object, Value key) {
    if (object instanceof Undefined undefined) {
      throw undefined.error();
    }
    Value item = item(object, key);
    if (item != null) {
      return item;
    }
    if (key instanceof Str name) {
      Value attribute = Attributes.get(object, name.text());
      return attribute != null ? attribute : missing(object, "attribute '" + name.text() + "'");
    }
    return missing(object, "element " + describe(key));
  }

  private static String describe(Value key) {
    return key instanceof Num || key instanceof None ? Printer.str(key).text() : key.typeName();
  }

  private static Undefined missing(Value object, String what) {
    String owner =
        switch (object) {
          case None _ -> "None";
          default -> object.typeName() + " object";
        };
    return new Undefined("'" + owner + "' has no " + what);
  }

  private static @Nullable Value item(Value object, Value key) {
    return switch (object) {
      case PyDict dict -> key instanceof PyList || key instanceof PyDict ? null : lookUp(dict, key);
      case PyList list -> element(list.items(), key);
      case PyTuple tuple -> element(tuple.items(), key);
      case Str str -> character(str, key);
      case PyRange range -> {
        int at = index(key, range.size());
        yield at < 0 ? null : Int.of(range.get(at));
      }
      default -> null;
    };
  }

  private static @Nullable Value lookUp(PyDict dict, Value key) {
    Value value = dict.entries().get(key);
    if (value == null && key instanceof PyTuple) {
      try {
        Ops.requireHashable(key);
      } catch (PyError _) {
        return null;
      }
    }
    return value;
  }

  private static @Nullable Value element(List<Value> items, Value key) {
    int at = index(key, items.size());
    return at < 0 ? null : items.get(at);
  }

  private static @Nullable Value character(Str str, Value key) {
    int at = index(key, str.length());
    return at < 0 ? null : str.slice(str.offset(at), str.offset(at + 1));
  }

  /** A position in 0..size-1, counted from the end when negative; -1 if there is none. */
  private static int index(Value key, int size) {
    if (!(key instanceof Num number) || key instanceof Real) {
      return -1;
    }
    BigInteger integer = number.asInteger();
    if (integer.bitLength() > 31) {
      return -1;
    }
    int at = integer.intValue();
    if (at < 0) {
      at += size;
    }
    return at < size ? Math.max(at, -1) : -1;
  }

  static Value slice(
      Value object, @Nullable Value start, @Nullable Value stop, @Nullable Value step) {
    return switch (object) {
      case PyList list -> new PyList(slice(list.items(), start, stop, step));
      case PyTuple tuple -> new PyTuple(slice(tuple.items(), start, stop, step));
      case Str str -> slice(str, Bounds.of(start, stop, step, str.length()));
      case PyRange range -> {
        Bounds bounds = Bounds.of(start, stop, step, range.size());
        yield new PyRange(
            range.start() + bounds.start * range.step(),
            range.start() + bounds.stop * range.step(),
            range.step() * bounds.step);
      }
      case Undefined undefined -> throw undefined.error();
      case PyDict _ -> throw PyError.type("unhashable type: 'slice'");
      case DictView _, Namespace _ ->
          throw PyError.type("'" + object.typeName() + "' object is not subscriptable");
      default -> throw PyError.type("'" + object.typeName() + "' object is not subscriptable");
    };
  }

  private static List<Value> slice(
      List<Value> items, @Nullable Value start, @Nullable Value stop, @Nullable Value step) {
    Bounds bounds = Bounds.of(start, stop, step, items.size());
    if (bounds.step == 1) {
      return items.subList(bounds.start, Math.max(bounds.start, bounds.stop));
    }
    List<Value> picked = new ArrayList<>();
    for (long at = bounds.start; bounds.step > 0 ? at < bounds.stop : at > bounds.stop; ) {
      picked.add(items.get((int) at));
      at += bounds.step;
    }
    return picked;
  }

  private static Str slice(Str str, Bounds bounds) {
    if (bounds.step == 1) {
      return bounds.start >= bounds.stop
          ? Str.EMPTY
          : str.slice(str.offset(bounds.start), str.offset(bounds.stop));
    }
    int[] offsets = new int[str.length() + 1];
    String text = str.text();
    for (int i = 0, at = 0; at < text.length(); i++) {
      offsets[i] = at;
      at += Character.charCount(text.codePointAt(at));
      offsets[i + 1] = at;
    }
    StrBuilder out = new StrBuilder();
    for (long at = bounds.start; bounds.step > 0 ? at < bounds.stop : at > bounds.stop; ) {
      out.append(str.slice(offsets[(int) at], offsets[(int) at + 1]));
      at += bounds.step;
    }
    return str.markup() ? out.toStr().asMarkup() : out.toStr();
  }

  /** What {@code slice(start, stop, step).indices(length)} gives. */
  record Bounds(int start, int stop, int step) {
    static Bounds of(
        @Nullable Value start, @Nullable Value stop, @Nullable Value step, int length) {
      int stride = step == null || step instanceof None ? 1 : clamp(step, Integer.MAX_VALUE);
      if (stride == 0) {
        throw PyError.value("slice step cannot be zero");
      }
      int low = stride > 0 ? 0 : -1;
      int high = stride > 0 ? length : length - 1;
      return new Bounds(
          bound(start, stride > 0 ? low : high, low, high, length),
          bound(stop, stride > 0 ? high : low, low, high, length),
          stride);
    }

    private static int bound(@Nullable Value value, int absent, int low, int high, int length) {
      if (value == null || value instanceof None) {
        return absent;
      }
      int at = clamp(value, 1 << 30);
      return at < 0 ? Math.max(at + length, low) : Math.min(at, high);
    }

    private static int clamp(Value value, int limit) {
      if (!(value instanceof Num number) || value instanceof Real) {
        throw PyError.type("slice indices must be integers or None or have an __index__ method");
      }
      BigInteger integer = number.asInteger();
      if (integer.bitLength() > 30) {
        return integer.signum() < 0 ? -limit : limit;
      }
      return integer.intValue();
    }
  }
}
