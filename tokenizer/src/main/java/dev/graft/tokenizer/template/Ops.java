package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Callable;
import dev.graft.tokenizer.template.Value.Cycler;
import dev.graft.tokenizer.template.Value.DictView;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Namespace;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyIterator;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyRange;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Real;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Python's operators and protocols: truth, length, iteration, comparison, arithmetic. */
final class Ops {
  /** Items a list may have: {@code [0] * 10**9} must not exhaust the heap. */
  static final int MAX_ITEMS = 4 << 20;

  private Ops() {}

  static boolean truthy(Value value) {
    return switch (value) {
      case Bool bool -> bool.value();
      case None _, Undefined _ -> false;
      case Str str -> !str.text().isEmpty();
      case Int integer -> integer.value().signum() != 0;
      case Real real -> real.value() != 0;
      case PyList list -> !list.items().isEmpty();
      case PyTuple tuple -> !tuple.items().isEmpty();
      case PyDict dict -> !dict.entries().isEmpty();
      case DictView view -> !view.dict().entries().isEmpty();
      case PyRange range -> range.size() > 0;
      case LoopContext loop -> loop.length() > 0;
      case Namespace _, Callable _, PyIterator _, Cycler _ -> true;
    };
  }

  /** Python's {@code len}, or -1 for what has none. */
  static int lengthOrMinusOne(Value value) {
    return switch (value) {
      case Str str -> str.length();
      case PyList list -> list.items().size();
      case PyTuple tuple -> tuple.items().size();
      case PyDict dict -> dict.entries().size();
      case DictView view -> view.dict().entries().size();
      case PyRange range -> range.size();
      case Undefined _ -> 0;
      case LoopContext loop -> loop.length();
      case None _, Num _, Namespace _, Callable _, PyIterator _, Cycler _ -> -1;
    };
  }

  static int length(Value value) {
    int length = lengthOrMinusOne(value);
    if (length < 0) {
      throw PyError.type("object of type '" + value.typeName() + "' has no len()");
    }
    return length;
  }

  static boolean isIterable(Value value) {
    return switch (value) {
      case Str _, PyList _, PyTuple _, PyDict _, DictView _, PyRange _, Undefined _ -> true;
      case LoopContext _, PyIterator _ -> true;
      case None _, Num _, Namespace _, Callable _, Cycler _ -> false;
    };
  }

  static Iterator<Value> iterate(Value value) {
    return switch (value) {
      case PyList list -> list.items().iterator();
      case PyTuple tuple -> tuple.items().iterator();
      case PyDict dict -> dict.entries().keySet().iterator();
      case DictView view -> views(view);
      case PyRange range ->
          IntStream.range(0, range.size()).<Value>mapToObj(i -> Int.of(range.get(i))).iterator();
      // Python's Markup iterates as plain text.
      case Str str -> characters(str.asPlain()).iterator();
      case PyIterator iterator -> iterator.iterator();
      case LoopContext loop -> loop.remaining();
      case Undefined _ -> Collections.emptyIterator();
      case None _, Num _, Namespace _, Callable _, Cycler _ ->
          throw PyError.type("'" + value.typeName() + "' object is not iterable");
    };
  }

  private static Iterator<Value> views(DictView view) {
    Map<Value, Value> entries = view.dict().entries();
    return switch (view.kind()) {
      case KEYS -> entries.keySet().iterator();
      case VALUES -> entries.values().iterator();
      case ITEMS -> {
        Iterator<Map.Entry<Value, Value>> iterator = entries.entrySet().iterator();
        yield new Iterator<>() {
          @Override
          public boolean hasNext() {
            return iterator.hasNext();
          }

          @Override
          public Value next() {
            Map.Entry<Value, Value> entry = iterator.next();
            return PyTuple.of(entry.getKey(), entry.getValue());
          }
        };
      }
    };
  }

  private static List<Value> characters(Str str) {
    List<Value> characters = new ArrayList<>(str.length());
    String text = str.text();
    for (int at = 0; at < text.length(); ) {
      int next = at + Character.charCount(text.codePointAt(at));
      characters.add(str.slice(at, next));
      at = next;
    }
    return characters;
  }

  static List<Value> toList(Value value) {
    if (value instanceof PyList list) {
      return list.items();
    }
    if (value instanceof PyTuple tuple) {
      return tuple.items();
    }
    List<Value> items = new ArrayList<>(Math.max(0, lengthOrMinusOne(value)));
    iterate(value).forEachRemaining(items::add);
    return items;
  }

  static Value requireHashable(Value value) {
    switch (value) {
      case PyList _, PyDict _ -> throw PyError.type("unhashable type: '" + value.typeName() + "'");
      case PyTuple tuple -> tuple.items().forEach(Ops::requireHashable);
      case DictView view when view.kind() != DictView.Kind.VALUES ->
          throw PyError.type("unhashable type: '" + value.typeName() + "'");
      default -> {}
    }
    return value;
  }

  static boolean contains(Value container, Value item) {
    return switch (container) {
      case Str str -> {
        if (!(item instanceof Str part)) {
          throw PyError.type(
              "'in <string>' requires string as left operand, not " + item.typeName());
        }
        yield str.text().contains(part.text());
      }
      case PyDict dict -> dict.entries().containsKey(requireHashable(item));
      case DictView view when view.kind() == DictView.Kind.KEYS ->
          view.dict().entries().containsKey(requireHashable(item));
      case None _, Num _, Namespace _, Callable _, Cycler _ ->
          throw PyError.type("argument of type '" + container.typeName() + "' is not iterable");
      default -> {
        for (Iterator<Value> items = iterate(container); items.hasNext(); ) {
          Value candidate = items.next();
          if (same(candidate, item)) {
            yield true;
          }
        }
        yield false;
      }
    };
  }

  enum Order {
    LT("<"),
    LE("<="),
    GT(">"),
    GE(">=");

    private final String symbol;

    Order(String symbol) {
      this.symbol = symbol;
    }

    private boolean holds(int comparison) {
      return switch (this) {
        case LT -> comparison < 0;
        case LE -> comparison <= 0;
        case GT -> comparison > 0;
        case GE -> comparison >= 0;
      };
    }
  }

  static boolean ordered(Order order, Value a, Value b) {
    return switch (a) {
      case Num x when b instanceof Num y -> {
        int comparison = Numbers.compare(x, y);
        yield comparison != 2 && order.holds(comparison);
      }
      case Str x when b instanceof Str y -> order.holds(compareCodePoints(x.text(), y.text()));
      case PyList x when b instanceof PyList y -> orderedItems(order, x.items(), y.items());
      case PyTuple x when b instanceof PyTuple y -> orderedItems(order, x.items(), y.items());
      default -> {
        throwIfUndefined(a, b);
        throw PyError.type(
            "'"
                + order.symbol
                + "' not supported between instances of '"
                + a.typeName()
                + "' and '"
                + b.typeName()
                + "'");
      }
    };
  }

  private static boolean orderedItems(Order order, List<Value> a, List<Value> b) {
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
      if (!same(a.get(i), b.get(i))) {
        return ordered(order, a.get(i), b.get(i));
      }
    }
    return order.holds(Integer.compare(a.size(), b.size()));
  }

  /** How Python compares members of a container: identical or equal (a NaN is in its own list). */
  @SuppressWarnings("ReferenceEquality")
  private static boolean same(Value a, Value b) {
    return a == b || a.equals(b);
  }

  /** Order by code point: UTF-16 order puts U+FF5E above the emoji. */
  static int compareCodePoints(String a, String b) {
    int limit = Math.min(a.length(), b.length());
    for (int i = 0; i < limit; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean surrogateX = Character.isSurrogate(x);
        boolean surrogateY = Character.isSurrogate(y);
        return surrogateX == surrogateY ? Character.compare(x, y) : surrogateX ? 1 : -1;
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  private static void throwIfUndefined(Value a, Value b) {
    if (a instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (b instanceof Undefined undefined) {
      throw undefined.error();
    }
  }

  static Value binary(Expr.BinaryOp op, Value a, Value b) {
    if (a instanceof Num x && b instanceof Num y) {
      return switch (op) {
        case ADD -> Numbers.add(x, y);
        case SUB -> Numbers.subtract(x, y);
        case MUL -> Numbers.multiply(x, y);
        case DIV -> Numbers.divide(x, y);
        case FLOORDIV -> Numbers.floorDivide(x, y);
        case MOD -> Numbers.modulo(x, y);
        case POW -> Numbers.power(x, y);
      };
    }
    // "%" on text formats an undefined value as nothing; everything else fails on one.
    if (op == Expr.BinaryOp.MOD && a instanceof Str format) {
      return Percent.format(format, b);
    }
    throwIfUndefined(a, b);
    return switch (op) {
      case ADD -> add(a, b);
      case MUL -> multiply(a, b);
      default -> throw unsupported(op, a, b);
    };
  }

  private static PyError unsupported(Expr.BinaryOp op, Value a, Value b) {
    return PyError.type(
        "unsupported operand type(s) for "
            + op.symbol()
            + ": '"
            + a.typeName()
            + "' and '"
            + b.typeName()
            + "'");
  }

  private static Value add(Value a, Value b) {
    if (a instanceof Str x) {
      if (b instanceof Str y) {
        return x.markup() || y.markup()
            ? Html.escape(x).plus(Html.escape(y)).asMarkup()
            : x.plus(y);
      }
      throw PyError.type("can only concatenate str (not \"" + b.typeName() + "\") to str");
    }
    if (a instanceof PyList x) {
      if (b instanceof PyList y) {
        return new PyList(join(x.items(), y.items()));
      }
      throw PyError.type("can only concatenate list (not \"" + b.typeName() + "\") to list");
    }
    if (a instanceof PyTuple x) {
      if (b instanceof PyTuple y) {
        return new PyTuple(join(x.items(), y.items()));
      }
      throw PyError.type("can only concatenate tuple (not \"" + b.typeName() + "\") to tuple");
    }
    throw unsupported(Expr.BinaryOp.ADD, a, b);
  }

  private static List<Value> join(List<Value> a, List<Value> b) {
    checkItems((long) a.size() + b.size());
    List<Value> items = new ArrayList<>(a.size() + b.size());
    items.addAll(a);
    items.addAll(b);
    return items;
  }

  static void checkItems(long size) {
    if (size > MAX_ITEMS) {
      throw PyError.limit("a list grows beyond " + MAX_ITEMS + " items; correct the template");
    }
  }

  private static Value multiply(Value a, Value b) {
    if (Numbers.isInteger(a) && !Numbers.isInteger(b)) {
      return multiply(b, a);
    }
    if (!Numbers.isInteger(b)) {
      throw a instanceof Str || a instanceof PyList || a instanceof PyTuple
          ? PyError.type("can't multiply sequence by non-int of type '" + b.typeName() + "'")
          : unsupported(Expr.BinaryOp.MUL, a, b);
    }
    int count = Math.max(0, Numbers.toInt(b, "*"));
    return switch (a) {
      case Str str -> {
        StrBuilder out = new StrBuilder();
        for (int i = 0; i < count && !str.text().isEmpty(); i++) {
          out.append(str);
        }
        yield str.markup() ? out.toStr().asMarkup() : out.toStr();
      }
      case PyList list -> new PyList(repeat(list.items(), count));
      case PyTuple tuple -> new PyTuple(repeat(tuple.items(), count));
      default -> throw unsupported(Expr.BinaryOp.MUL, a, b);
    };
  }

  private static List<Value> repeat(List<Value> items, int count) {
    checkItems((long) items.size() * count);
    List<Value> repeated = new ArrayList<>(items.size() * count);
    for (int i = 0; i < count; i++) {
      repeated.addAll(items);
    }
    return repeated;
  }

  static Value negate(Value value) {
    return switch (value) {
      case Num number -> Numbers.negate(number);
      case Undefined undefined -> throw undefined.error();
      default -> throw PyError.type("bad operand type for unary -: '" + value.typeName() + "'");
    };
  }

  static Value plus(Value value) {
    return switch (value) {
      case Real real -> real;
      case Num number -> new Int(number.asInteger());
      case Undefined undefined -> throw undefined.error();
      default -> throw PyError.type("bad operand type for unary +: '" + value.typeName() + "'");
    };
  }
}
