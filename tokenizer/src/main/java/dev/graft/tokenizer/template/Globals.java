package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Callable;
import dev.graft.tokenizer.template.Value.Cycler;
import dev.graft.tokenizer.template.Value.Namespace;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyRange;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/** The functions every chat template finds: Jinja's own and those transformers adds. */
final class Globals {
  static final Set<String> NAMES =
      Set.of("range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now");

  /** The sandbox's limit, {@code MAX_RANGE}. */
  private static final int MAX_RANGE = 100_000;

  private Globals() {}

  static Map<String, Value> functions(UnaryOperator<String> strftimeNow) {
    return Map.of(
        "range", (Function) Globals::range,
        "dict", (Function) arguments -> new PyDict(dict("dict", arguments)),
        "namespace", (Function) arguments -> new Namespace(dict("namespace", arguments)),
        "cycler", (Function) Globals::cycler,
        "joiner", (Function) Globals::joiner,
        "raise_exception", (Function) Globals::raise,
        "strftime_now",
            (Function)
                arguments -> {
                  Value format =
                      Attributes.required(arguments.bind("strftime_now", 1, "format")[0]);
                  return new Str(strftimeNow.apply(StrMethods.text(format, "format").text()));
                });
  }

  /** A function of the context; {@code Callable} itself is left open for this. */
  private interface Function extends Callable {
    @Override
    default String typeName() {
      return "function";
    }
  }

  private static Value range(Arguments arguments) {
    List<Value> given = arguments.positional();
    if (!arguments.named().isEmpty() || given.isEmpty() || given.size() > 3) {
      throw PyError.type("range expected 1 to 3 arguments, got " + arguments.count());
    }
    long start = given.size() == 1 ? 0 : Numbers.toInt(given.get(0), "range");
    long stop = Numbers.toInt(given.get(given.size() == 1 ? 0 : 1), "range");
    long step = given.size() < 3 ? 1 : Numbers.toInt(given.get(2), "range");
    if (step == 0) {
      throw PyError.value("range() arg 3 must not be zero");
    }
    long span = step > 0 ? stop - start : start - stop;
    if (span > 0 && (span + Math.abs(step) - 1) / Math.abs(step) > MAX_RANGE) {
      throw new PyError(
          PyError.Kind.OVERFLOW,
          "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + MAX_RANGE + ").");
    }
    return new PyRange(start, stop, step);
  }

  private static Map<Value, Value> dict(String function, Arguments arguments) {
    Map<Value, Value> entries = new LinkedHashMap<>();
    if (arguments.positional().size() > 1) {
      throw PyError.type(function + " expected at most 1 argument");
    }
    for (Value source : arguments.positional()) {
      if (source instanceof PyDict dict) {
        entries.putAll(dict.entries());
        continue;
      }
      for (Iterator<Value> pairs = Ops.iterate(source); pairs.hasNext(); ) {
        List<Value> pair = Ops.toList(pairs.next());
        if (pair.size() != 2) {
          throw PyError.value("dictionary update sequence element has not length 2");
        }
        entries.put(Ops.requireHashable(pair.get(0)), pair.get(1));
      }
    }
    arguments.named().forEach((name, value) -> entries.put(new Str(name), value));
    return entries;
  }

  private static Value cycler(Arguments arguments) {
    if (arguments.positional().isEmpty() || !arguments.named().isEmpty()) {
      throw new PyError(PyError.Kind.RUNTIME, "at least one item has to be provided");
    }
    return new Cycler(arguments.positional());
  }

  private static Value joiner(Arguments arguments) {
    Value given = arguments.bind("joiner", 0, "sep")[0];
    Value separator = given == null ? new Str(", ") : given;
    boolean[] used = {false};
    return (Function)
        call -> {
          call.none("joiner");
          Value result = used[0] ? separator : Str.EMPTY;
          used[0] = true;
          return result;
        };
  }

  private static Value raise(Arguments arguments) {
    Value message = Attributes.required(arguments.bind("raise_exception", 1, "message")[0]);
    throw new PyError(PyError.Kind.RAISED, Printer.str(message).text());
  }
}
