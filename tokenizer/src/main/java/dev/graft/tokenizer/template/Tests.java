package dev.graft.tokenizer.template;

import static dev.graft.tokenizer.template.Attributes.required;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Callable;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyRange;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Real;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Jinja's tests ({@code value is name}), by name. */
final class Tests {
  /** {@code value is test(arguments)}. */
  @FunctionalInterface
  interface Test {
    boolean holds(Value value, Arguments arguments);
  }

  private static final Map<String, Test> TESTS = register();

  private Tests() {}

  static @Nullable Test find(String name) {
    return TESTS.get(name);
  }

  static List<String> names() {
    return TESTS.keySet().stream().sorted().toList();
  }

  /** A test named by a value while rendering, as in {@code select(name)}. */
  static Test named(Value name) {
    Test test = name instanceof Str str ? TESTS.get(str.text()) : null;
    if (test == null) {
      throw PyError.unsupported("the test '" + Printer.str(name) + "'");
    }
    return test;
  }

  private static Map<String, Test> register() {
    Map<String, Test> tests = new HashMap<>();
    plain(tests, "defined", value -> !(value instanceof Undefined));
    plain(tests, "undefined", value -> value instanceof Undefined);
    plain(tests, "none", value -> value == None.NONE);
    plain(tests, "boolean", value -> value instanceof Bool);
    plain(tests, "true", value -> value instanceof Bool bool && bool.value());
    plain(tests, "false", value -> value instanceof Bool bool && !bool.value());
    plain(tests, "integer", value -> value instanceof Int);
    plain(tests, "float", value -> value instanceof Real);
    plain(tests, "number", value -> value instanceof Num);
    plain(tests, "string", value -> value instanceof Str);
    plain(tests, "mapping", value -> value instanceof PyDict);
    plain(tests, "iterable", Ops::isIterable);
    plain(tests, "sequence", Tests::isSequence);
    plain(tests, "callable", value -> value instanceof Callable || isCallable(value));
    plain(tests, "escaped", value -> value instanceof Str str && str.markup());
    plain(tests, "lower", value -> Casing.isLower(Printer.str(value).text()));
    plain(tests, "upper", value -> Casing.isUpper(Printer.str(value).text()));
    plain(tests, "odd", value -> remainder(value, Int.of(2)).equals(Int.of(1)));
    plain(tests, "even", value -> remainder(value, Int.of(2)).equals(Int.of(0)));
    plain(tests, "filter", value -> isName(value, Filters::find));
    plain(tests, "test", value -> isName(value, Tests::find));
    with(tests, "divisibleby", "num", (value, by) -> remainder(value, by).equals(Int.of(0)));
    with(tests, "sameas", "other", Tests::same);
    with(tests, "in", "seq", (value, seq) -> Ops.contains(seq, value));
    for (String name : List.of("==", "eq", "equalto")) {
      with(tests, name, "b", Value::equals);
    }
    for (String name : List.of("!=", "ne")) {
      with(tests, name, "b", (a, b) -> !a.equals(b));
    }
    ordered(tests, Ops.Order.LT, "<", "lt", "lessthan");
    ordered(tests, Ops.Order.LE, "<=", "le");
    ordered(tests, Ops.Order.GT, ">", "gt", "greaterthan");
    ordered(tests, Ops.Order.GE, ">=", "ge");
    return Map.copyOf(tests);
  }

  private static void plain(Map<String, Test> tests, String name, Predicate<Value> test) {
    tests.put(
        name,
        (value, arguments) -> {
          arguments.none(name);
          return test.test(value);
        });
  }

  private static void with(
      Map<String, Test> tests, String name, String parameter, BiPredicate<Value, Value> test) {
    tests.put(
        name,
        (value, arguments) -> test.test(value, required(arguments.bind(name, 1, parameter)[0])));
  }

  private static void ordered(Map<String, Test> tests, Ops.Order order, String... names) {
    for (String name : names) {
      with(tests, name, "b", (a, b) -> Ops.ordered(order, a, b));
    }
  }

  private static boolean isName(Value value, Function<String, @Nullable Object> registry) {
    return Ops.requireHashable(value) instanceof Str name && registry.apply(name.text()) != null;
  }

  private static Value remainder(Value value, Value by) {
    return Ops.binary(Expr.BinaryOp.MOD, value, by);
  }

  private static boolean isSequence(Value value) {
    return switch (value) {
      case Str _, PyList _, PyTuple _, PyDict _, PyRange _, Undefined _ -> true;
      default -> false;
    };
  }

  /** Undefined, loops and joiners define {@code __call__} too. */
  private static boolean isCallable(Value value) {
    return value instanceof Undefined || value instanceof LoopContext;
  }

  /**
   * Python's {@code is}. Only the singletons and one and the same object are certain; for equal
   * numbers and strings Python's answer depends on how they came to be.
   */
  @SuppressWarnings("ReferenceEquality")
  private static boolean same(Value a, Value b) {
    if (a == b || (a instanceof Bool && b instanceof Bool && a.equals(b))) {
      return true;
    }
    boolean uncertain =
        a.getClass() == b.getClass()
            && (a instanceof Str || a instanceof Num)
            && a.equals(b)
            && !(a instanceof Bool);
    if (uncertain) {
      if (a instanceof Int integer && integer.value().bitLength() < 8) {
        return true;
      }
      throw PyError.unsupported("'is sameas' of two equal values that may be two objects");
    }
    return false;
  }
}
