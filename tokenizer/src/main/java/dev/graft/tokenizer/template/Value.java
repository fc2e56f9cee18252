package dev.graft.tokenizer.template;

import java.math.BigInteger;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One of Python's values, as a template sees them. {@code equals} is Python's {@code ==} and {@code
 * hashCode} agrees with it across int, float and bool, so that values can be dict keys.
 */
sealed interface Value
    permits Value.None,
        Value.Num,
        Value.PyList,
        Value.PyTuple,
        Value.PyDict,
        Value.DictView,
        Value.PyRange,
        Value.PyIterator,
        Value.Namespace,
        Value.Undefined,
        Value.Callable,
        Value.Cycler,
        LoopContext,
        Str {

  /** Python's {@code type(x).__name__}. */
  String typeName();

  enum None implements Value {
    NONE;

    @Override
    public String typeName() {
      return "NoneType";
    }
  }

  /** A number: Python compares and adds the three kinds freely. */
  sealed interface Num extends Value {
    double asDouble();

    /** The value as an int; a float is never asked. */
    BigInteger asInteger();
  }

  record Bool(boolean value) implements Num {
    static final Bool TRUE = new Bool(true);
    static final Bool FALSE = new Bool(false);

    static Bool of(boolean value) {
      return value ? TRUE : FALSE;
    }

    @Override
    public double asDouble() {
      return value ? 1 : 0;
    }

    @Override
    public BigInteger asInteger() {
      return value ? BigInteger.ONE : BigInteger.ZERO;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Num number && Numbers.equal(this, number);
    }

    @Override
    public int hashCode() {
      return asInteger().hashCode();
    }

    @Override
    public String typeName() {
      return "bool";
    }
  }

  record Int(BigInteger value) implements Num {
    static Int of(long value) {
      return new Int(BigInteger.valueOf(value));
    }

    @Override
    public double asDouble() {
      return value.doubleValue();
    }

    @Override
    public BigInteger asInteger() {
      return value;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Num number && Numbers.equal(this, number);
    }

    @Override
    public int hashCode() {
      return value.hashCode();
    }

    @Override
    public String typeName() {
      return "int";
    }
  }

  record Real(double value) implements Num {
    @Override
    public double asDouble() {
      return value;
    }

    @Override
    public BigInteger asInteger() {
      throw new IllegalStateException("a float where an int was checked for");
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Num number && Numbers.equal(this, number);
    }

    @Override
    public int hashCode() {
      return Numbers.isIntegral(value)
          ? Numbers.toBigInteger(value).hashCode()
          : Double.hashCode(value);
    }

    @Override
    public String typeName() {
      return "float";
    }
  }

  /** A list. Templates cannot change one in place (the sandbox is immutable). */
  record PyList(List<Value> items) implements Value {
    @Override
    public String typeName() {
      return "list";
    }
  }

  /** A tuple; {@code grouped} is the named tuple that {@code groupby} yields. */
  record PyTuple(List<Value> items, boolean grouped) implements Value {
    PyTuple(List<Value> items) {
      this(items, false);
    }

    static PyTuple of(Value... items) {
      return new PyTuple(List.of(items));
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof PyTuple tuple && items.equals(tuple.items);
    }

    @Override
    public int hashCode() {
      return items.hashCode();
    }

    @Override
    public String typeName() {
      return grouped ? "_GroupTuple" : "tuple";
    }
  }

  /** A dict in insertion order; {@code message} is the index of the message it is, or -1. */
  record PyDict(Map<Value, Value> entries, int message) implements Value {
    PyDict(Map<Value, Value> entries) {
      this(entries, -1);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof PyDict dict && entries.equals(dict.entries);
    }

    @Override
    public int hashCode() {
      return entries.hashCode();
    }

    @Override
    public String typeName() {
      return "dict";
    }
  }

  /** {@code dict.keys()}, {@code .values()} and {@code .items()}. */
  record DictView(PyDict dict, Kind kind) implements Value {
    enum Kind {
      KEYS,
      VALUES,
      ITEMS
    }

    @Override
    public String typeName() {
      return switch (kind) {
        case KEYS -> "dict_keys";
        case VALUES -> "dict_values";
        case ITEMS -> "dict_items";
      };
    }
  }

  record PyRange(long start, long stop, long step) implements Value {
    int size() {
      long span = step > 0 ? stop - start : start - stop;
      long stride = Math.abs(step);
      return span <= 0 ? 0 : Math.toIntExact((span + stride - 1) / stride);
    }

    long get(int index) {
      return start + index * step;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof PyRange range
          && size() == range.size()
          && (size() == 0 || (start == range.start && (size() == 1 || step == range.step)));
    }

    @Override
    public int hashCode() {
      return size() == 0 ? 0 : Long.hashCode(start) * 31 + size();
    }

    @Override
    public String typeName() {
      return "range";
    }
  }

  /** What a generator filter ({@code map}, {@code select}, …) yields: read once. */
  final class PyIterator implements Value {
    private final Iterator<Value> iterator;
    private final String typeName;

    PyIterator(Iterator<Value> iterator, String typeName) {
      this.iterator = iterator;
      this.typeName = typeName;
    }

    Iterator<Value> iterator() {
      return iterator;
    }

    @Override
    public String typeName() {
      return typeName;
    }
  }

  /** Jinja's {@code namespace}: the one thing a template can change from inside a loop. */
  final class Namespace implements Value {
    private final Map<Value, Value> attributes;

    Namespace(Map<Value, Value> attributes) {
      this.attributes = new LinkedHashMap<>(attributes);
    }

    Map<Value, Value> attributes() {
      return attributes;
    }

    @Override
    public String typeName() {
      return "Namespace";
    }
  }

  /** Something missing: prints as nothing, is false and empty, and fails at anything else. */
  final class Undefined implements Value {
    private final String message;
    private final PyError.Kind kind;

    Undefined(String message) {
      this(message, PyError.Kind.UNDEFINED);
    }

    Undefined(String message, PyError.Kind kind) {
      this.message = message;
      this.kind = kind;
    }

    static Undefined named(String name) {
      return new Undefined("'" + name + "' is undefined");
    }

    PyError error() {
      return new PyError(kind, message);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Undefined;
    }

    @Override
    public int hashCode() {
      return 1;
    }

    @Override
    public String typeName() {
      return "Undefined";
    }
  }

  /** A macro, a bound method or a global function. */
  non-sealed interface Callable extends Value {
    Value call(Arguments arguments);

    @Override
    default String typeName() {
      return "builtin_function_or_method";
    }
  }

  /** Jinja's {@code cycler}. */
  final class Cycler implements Value {
    private final List<Value> items;
    private int position;

    Cycler(List<Value> items) {
      this.items = items;
    }

    Value current() {
      return items.get(position);
    }

    Value next() {
      Value value = current();
      position = (position + 1) % items.size();
      return value;
    }

    void reset() {
      position = 0;
    }

    @Override
    public String typeName() {
      return "Cycler";
    }
  }
}
