package dev.graft.tokenizer.template;

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
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The attributes and methods Python's built-in types have, as the immutable sandbox shows them. */
final class Attributes {
  private static final Set<String> STR_METHODS =
      Set.of(
          "capitalize",
          "casefold",
          "center",
          "count",
          "endswith",
          "expandtabs",
          "find",
          "format",
          "format_map",
          "index",
          "isalnum",
          "isalpha",
          "isascii",
          "isdecimal",
          "isdigit",
          "islower",
          "isnumeric",
          "isprintable",
          "isspace",
          "istitle",
          "isupper",
          "join",
          "ljust",
          "lower",
          "lstrip",
          "partition",
          "removeprefix",
          "removesuffix",
          "replace",
          "rfind",
          "rindex",
          "rjust",
          "rpartition",
          "rsplit",
          "rstrip",
          "split",
          "splitlines",
          "startswith",
          "strip",
          "swapcase",
          "title",
          "upper",
          "zfill");

  private static final Set<String> DICT_METHODS = Set.of("get", "items", "keys", "values", "copy");
  private static final Set<String> LIST_METHODS = Set.of("count", "index", "copy");
  private static final Set<String> TUPLE_METHODS = Set.of("count", "index");
  private static final Set<String> LOOP_METHODS = Set.of("cycle", "changed");
  private static final Set<String> CYCLER_METHODS = Set.of("next", "reset");

  /** Methods that change their object: the immutable sandbox forbids them. */
  private static final Set<String> LIST_CHANGES =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

  private static final Set<String> DICT_CHANGES =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  /** Attributes Python's types have and this interpreter does not. */
  private static final Set<String> STR_UNSUPPORTED =
      Set.of("encode", "isidentifier", "maketrans", "translate");

  private static final Set<String> DICT_UNSUPPORTED = Set.of("fromkeys");
  private static final Set<String> NUMBER_UNSUPPORTED =
      Set.of(
          "as_integer_ratio",
          "bit_count",
          "bit_length",
          "conjugate",
          "denominator",
          "from_bytes",
          "fromhex",
          "hex",
          "imag",
          "is_integer",
          "numerator",
          "real",
          "to_bytes");

  private static final Set<String> VIEW_UNSUPPORTED = Set.of("isdisjoint", "mapping");
  private static final Set<String> ITERATOR_UNSUPPORTED =
      Set.of("close", "send", "throw", "gi_code", "gi_frame", "gi_running", "gi_yieldfrom");
  private static final Set<String> MARKUP_UNSUPPORTED = Set.of("escape", "striptags", "unescape");

  private Attributes() {}

  /** Names that are methods of some Python type but of none here: refused when parsed. */
  static Set<String> unsupportedMethods() {
    Set<String> names = new HashSet<>(STR_UNSUPPORTED);
    names.addAll(DICT_UNSUPPORTED);
    names.addAll(NUMBER_UNSUPPORTED);
    names.addAll(Set.of("isdisjoint", "send", "throw"));
    return names;
  }

  /** The attribute, or null where Python raises AttributeError. */
  static @Nullable Value get(Value object, String name) {
    return switch (object) {
      case Str str -> {
        if (STR_METHODS.contains(name)) {
          yield new Method(str, name);
        }
        yield unsupported(
            object, name, str.markup() ? MARKUP_UNSUPPORTED : Set.of(), STR_UNSUPPORTED);
      }
      case PyDict _ -> {
        if (DICT_METHODS.contains(name)) {
          yield new Method(object, name);
        }
        yield forbidden(object, name, DICT_CHANGES, DICT_UNSUPPORTED);
      }
      case PyList _ -> {
        if (LIST_METHODS.contains(name)) {
          yield new Method(object, name);
        }
        yield forbidden(object, name, LIST_CHANGES, Set.of());
      }
      case PyTuple tuple -> {
        if (tuple.grouped() && name.equals("grouper")) {
          yield tuple.items().get(0);
        }
        if (tuple.grouped() && name.equals("list")) {
          yield tuple.items().get(1);
        }
        yield TUPLE_METHODS.contains(name) ? new Method(object, name) : hidden(object, name);
      }
      case PyRange range ->
          switch (name) {
            case "start" -> Int.of(range.start());
            case "stop" -> Int.of(range.stop());
            case "step" -> Int.of(range.step());
            case "count", "index" -> new Method(object, name);
            default -> hidden(object, name);
          };
      case Namespace namespace -> namespace.attributes().get(new Str(name));
      case LoopContext loop ->
          LOOP_METHODS.contains(name) ? new Method(loop, name) : loop.attribute(name);
      case Cycler cycler ->
          CYCLER_METHODS.contains(name)
              ? new Method(cycler, name)
              : name.equals("current") ? cycler.current() : hidden(object, name);
      case Macro macro -> macro.attribute(name);
      case Num _ -> unsupported(object, name, NUMBER_UNSUPPORTED, Set.of());
      case DictView _ -> unsupported(object, name, VIEW_UNSUPPORTED, Set.of());
      case PyIterator _ -> unsupported(object, name, ITERATOR_UNSUPPORTED, Set.of());
      case None _, Callable _ -> hidden(object, name);
      case Undefined undefined -> throw undefined.error();
    };
  }

  private static @Nullable Value unsupported(
      Value object, String name, Set<String> some, Set<String> more) {
    if (some.contains(name) || more.contains(name)) {
      throw PyError.unsupported("'" + object.typeName() + "." + name + "'");
    }
    return hidden(object, name);
  }

  private static @Nullable Value forbidden(
      Value object, String name, Set<String> changes, Set<String> unsupported) {
    return changes.contains(name)
        ? insecure(object, name)
        : unsupported(object, name, unsupported, Set.of());
  }

  /** Python's own {@code __names__} exist but the sandbox hides them; both end as undefined. */
  private static @Nullable Value hidden(Value object, String name) {
    return name.startsWith("__") && name.endsWith("__") ? insecure(object, name) : null;
  }

  private static Undefined insecure(Value object, String name) {
    return new Undefined(
        "access to attribute '"
            + name
            + "' of '"
            + object.typeName()
            + "' object is unsafe: the sandbox of chat templates forbids it",
        PyError.Kind.SECURITY);
  }

  /** A method bound to its object. */
  record Method(Value self, String name) implements Callable {
    @Override
    public Value call(Arguments arguments) {
      return invoke(self, name, arguments);
    }
  }

  private static Value invoke(Value object, String name, Arguments arguments) {
    return switch (object) {
      case Str str -> StrMethods.call(str, name, arguments);
      case PyDict dict -> dict(dict, name, arguments);
      case PyList list -> sequence(list, list.items(), name, arguments);
      case PyTuple tuple -> sequence(tuple, tuple.items(), name, arguments);
      case PyRange range -> sequence(range, Ops.toList(range), name, arguments);
      case LoopContext loop ->
          name.equals("cycle") ? loop.cycle(arguments) : loop.changed(arguments);
      case Cycler cycler -> {
        arguments.none(name);
        if (name.equals("reset")) {
          cycler.reset();
          yield None.NONE;
        }
        yield cycler.next();
      }
      default -> throw new IllegalStateException(object.typeName() + "." + name);
    };
  }

  private static Value dict(PyDict dict, String name, Arguments arguments) {
    return switch (name) {
      case "get" -> {
        @Nullable Value[] given = arguments.bind("get", 1, "/key", "/default");
        Value value = dict.entries().get(Ops.requireHashable(required(given[0])));
        yield value != null ? value : given[1] != null ? given[1] : None.NONE;
      }
      case "copy" -> {
        arguments.none(name);
        yield new PyDict(new LinkedHashMap<>(dict.entries()), dict.message());
      }
      default -> {
        arguments.none(name);
        yield new DictView(
            dict,
            switch (name) {
              case "keys" -> DictView.Kind.KEYS;
              case "values" -> DictView.Kind.VALUES;
              default -> DictView.Kind.ITEMS;
            });
      }
    };
  }

  private static Value sequence(Value self, List<Value> items, String name, Arguments arguments) {
    return switch (name) {
      case "copy" -> {
        arguments.none(name);
        yield new PyList(new ArrayList<>(items));
      }
      case "count" -> {
        Value wanted = required(arguments.bind(name, 1, "/value")[0]);
        yield Int.of(items.stream().filter(wanted::equals).count());
      }
      default -> {
        @Nullable Value[] given = arguments.bind(name, 1, "/value", "/start", "/stop");
        Subscripts.Bounds bounds = Subscripts.Bounds.of(given[1], given[2], null, items.size());
        int at = bounds.start();
        while (at < bounds.stop() && !items.get(at).equals(given[0])) {
          at++;
        }
        if (at >= bounds.stop()) {
          throw PyError.value("value is not in " + self.typeName());
        }
        yield Int.of(at);
      }
    };
  }

  static Value required(@Nullable Value value) {
    if (value == null) {
      throw new IllegalStateException("bind() checked this argument");
    }
    return value;
  }
}
