package dev.graft.tokenizer.template;

import static dev.graft.tokenizer.template.Attributes.required;

import dev.graft.tokenizer.template.Filters.Filter;
import dev.graft.tokenizer.template.Value.DictView;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyIterator;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Filters over lists, dicts and iterators. */
final class ItemFilters {
  private ItemFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("default", ItemFilters::orDefault);
    filters.put("d", ItemFilters::orDefault);
    filters.put("length", ItemFilters::length);
    filters.put("count", ItemFilters::length);
    filters.put("first", ItemFilters::first);
    filters.put("last", ItemFilters::last);
    filters.put("list", ItemFilters::list);
    filters.put("items", ItemFilters::items);
    filters.put("reverse", ItemFilters::reverse);
    filters.put("attr", ItemFilters::attr);
    filters.put("map", ItemFilters::map);
    filters.put("select", (value, arguments) -> pick(value, arguments, false, true));
    filters.put("reject", (value, arguments) -> pick(value, arguments, false, false));
    filters.put("selectattr", (value, arguments) -> pick(value, arguments, true, true));
    filters.put("rejectattr", (value, arguments) -> pick(value, arguments, true, false));
    filters.put("unique", ItemFilters::unique);
    filters.put("batch", ItemFilters::batch);
    filters.put("slice", ItemFilters::slice);
    filters.put("sum", ItemFilters::sum);
    SortFilters.register(filters);
  }

  private static Value orDefault(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("default", 0, "default_value", "boolean");
    boolean falseToo = given[1] != null && Ops.truthy(given[1]);
    if (value instanceof Undefined || (falseToo && !Ops.truthy(value))) {
      return given[0] == null ? Str.EMPTY : given[0];
    }
    return value;
  }

  private static Value length(Value value, Arguments arguments) {
    arguments.none("length");
    return Int.of(Ops.length(value));
  }

  private static Value first(Value value, Arguments arguments) {
    arguments.none("first");
    Iterator<Value> items = Ops.iterate(value);
    return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
  }

  private static Value last(Value value, Arguments arguments) {
    arguments.none("last");
    List<Value> items = reversible(value);
    return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.getLast();
  }

  private static List<Value> reversible(Value value) {
    return switch (value) {
      case PyIterator _, LoopContext _ ->
          throw PyError.type("'" + value.typeName() + "' object is not reversible");
      default -> {
        if (!Ops.isIterable(value)) {
          throw PyError.type("'" + value.typeName() + "' object is not reversible");
        }
        yield Ops.toList(value);
      }
    };
  }

  private static Value list(Value value, Arguments arguments) {
    arguments.none("list");
    List<Value> items = new ArrayList<>();
    Ops.iterate(value).forEachRemaining(items::add);
    return new PyList(items);
  }

  private static Value items(Value value, Arguments arguments) {
    arguments.none("items");
    return generator(() ->
        switch (value) {
          case PyDict dict -> Ops.iterate(new DictView(dict, DictView.Kind.ITEMS));
          case Undefined _ -> Collections.emptyIterator();
          default -> throw PyError.type("Can only get item pairs from a mapping.");
        });
  }

  /** Python's generators do nothing, and fail at nothing, before they are read. */
  private static Value generator(Supplier<Iterator<Value>> start) {
    return new PyIterator(
        new Iterator<>() {
          private @Nullable Iterator<Value> items;

          private Iterator<Value> items() {
            Iterator<Value> started = items;
            if (started == null) {
              started = start.get();
              items = started;
            }
            return started;
          }

          @Override
          public boolean hasNext() {
            return items().hasNext();
          }

          @Override
          public Value next() {
            return items().next();
          }
        },
        "generator");
  }

  private static Value reverse(Value value, Arguments arguments) {
    arguments.none("reverse");
    if (value instanceof Str text) {
      return Subscripts.slice(text, None.NONE, None.NONE, Int.of(-1));
    }
    List<Value> items = new ArrayList<>(Ops.toList(value));
    Collections.reverse(items);
    return value instanceof PyIterator
        ? new PyList(items)
        : new PyIterator(items.iterator(), "list_reverseiterator");
  }

  private static Value attr(Value value, Arguments arguments) {
    Str name = StrMethods.text(required(arguments.bind("attr", 1, "name")[0]), "attribute name");
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    Value attribute = Attributes.get(value, name.text());
    return attribute != null
        ? attribute
        : new Undefined("'" + value.typeName() + " object' has no attribute '" + name + "'");
  }

  private static Value map(Value value, Arguments arguments) {
    return generator(() -> {
      if (!Ops.truthy(value)) {
        return Collections.emptyIterator();
      }
      Function<Value, Value> function = mapping(arguments);
      Iterator<Value> items = Ops.iterate(value);
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          return items.hasNext();
        }

        @Override
        public Value next() {
          return function.apply(items.next());
        }
      };
    });
  }

  private static Function<Value, Value> mapping(Arguments arguments) {
    List<Value> given = arguments.positional();
    if (given.isEmpty() && arguments.named().containsKey("attribute")) {
      @Nullable Value[] bound = arguments.bind("map", 0, "attribute", "default");
      return AttributePath.of(bound[0], bound[1])::get;
    }
    if (given.isEmpty()) {
      throw PyError.type("map requires a filter argument");
    }
    Filter filter = Filters.named(given.getFirst());
    Arguments rest = new Arguments(given.subList(1, given.size()), arguments.named());
    return item -> filter.apply(item, rest);
  }

  private static Value pick(Value value, Arguments arguments, boolean byAttribute, boolean wanted) {
    return generator(() -> {
      if (!Ops.truthy(value)) {
        return Collections.emptyIterator();
      }
      List<Value> given = arguments.positional();
      if (byAttribute && given.isEmpty()) {
        throw PyError.type("Missing parameter for attribute name");
      }
      int offset = byAttribute ? 1 : 0;
      AttributePath path = AttributePath.of(byAttribute ? given.getFirst() : null);
      Predicate<Value> test = Ops::truthy;
      if (given.size() > offset) {
        Tests.Test named = Tests.named(given.get(offset));
        Arguments rest = new Arguments(given.subList(offset + 1, given.size()), arguments.named());
        test = item -> named.holds(item, rest);
      }
      return new Picker(Ops.iterate(value), path, test, wanted);
    });
  }

  /** Yields the items whose attribute passes (or fails) a test, looking no further than asked. */
  private static final class Picker implements Iterator<Value> {
    private final Iterator<Value> items;
    private final AttributePath path;
    private final Predicate<Value> test;
    private final boolean wanted;
    private @Nullable Value found;

    Picker(Iterator<Value> items, AttributePath path, Predicate<Value> test, boolean wanted) {
      this.items = items;
      this.path = path;
      this.test = test;
      this.wanted = wanted;
    }

    @Override
    public boolean hasNext() {
      while (found == null && items.hasNext()) {
        Value item = items.next();
        if (test.test(path.get(item)) == wanted) {
          found = item;
        }
      }
      return found != null;
    }

    @Override
    public Value next() {
      if (!hasNext() || found == null) {
        throw new java.util.NoSuchElementException();
      }
      Value item = found;
      found = null;
      return item;
    }
  }

  private static Value unique(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("unique", 0, "case_sensitive", "attribute");
    Function<Value, Value> key =
        SortFilters.key(AttributePath.of(given[1]), given[0] != null && Ops.truthy(given[0]));
    Set<Value> seen = new HashSet<>();
    return generator(() ->
        new Picker(
            Ops.iterate(value),
            AttributePath.of(null),
            item -> seen.add(Ops.requireHashable(key.apply(item))),
            true));
  }

  private static Value batch(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("batch", 1, "linecount", "fill_with");
    return generator(() -> batches(value, required(given[0]), given[1]).iterator());
  }

  private static List<Value> batches(Value value, Value lineCount, @Nullable Value fill) {
    int size = Numbers.toInt(lineCount, "linecount");
    List<Value> batches = new ArrayList<>();
    List<Value> batch = new ArrayList<>();
    for (Iterator<Value> items = Ops.iterate(value); items.hasNext(); ) {
      Value item = items.next();
      if (batch.size() == size) {
        batches.add(new PyList(batch));
        batch = new ArrayList<>();
      }
      batch.add(item);
    }
    if (!batch.isEmpty()) {
      if (fill != null && fill != None.NONE) {
        Ops.checkItems(size);
        while (batch.size() < size) {
          batch.add(fill);
        }
      }
      batches.add(new PyList(batch));
    }
    return batches;
  }

  private static Value slice(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("slice", 1, "slices", "fill_with");
    return generator(() -> slices(value, required(given[0]), given[1]).iterator());
  }

  private static List<Value> slices(Value value, Value count, @Nullable Value fill) {
    List<Value> items = Ops.toList(value);
    int slices = Numbers.toInt(count, "slices");
    Ops.checkItems(slices);
    if (slices == 0) {
      throw new PyError(PyError.Kind.ZERO_DIVISION, "integer division or modulo by zero");
    }
    List<Value> result = new ArrayList<>();
    int each = Math.floorDiv(items.size(), slices);
    int larger = Math.floorMod(items.size(), slices);
    int offset = 0;
    for (int i = 0; i < slices; i++) {
      int start = offset + i * each;
      offset += i < larger ? 1 : 0;
      List<Value> part = new ArrayList<>(items.subList(start, offset + (i + 1) * each));
      if (fill != null && fill != None.NONE && i >= larger) {
        part.add(fill);
      }
      result.add(new PyList(part));
    }
    return result;
  }

  private static Value sum(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("sum", 0, "attribute", "start");
    AttributePath path = AttributePath.of(given[0]);
    Value total = given[1] == null ? Int.of(0) : given[1];
    if (total instanceof Str) {
      throw PyError.type("sum() can't sum strings [use ''.join(seq) instead]");
    }
    for (Iterator<Value> items = Ops.iterate(value); items.hasNext(); ) {
      total = Ops.binary(Expr.BinaryOp.ADD, total, path.get(items.next()));
    }
    return total;
  }

  static Value group(Value key, List<Value> items) {
    return new PyTuple(List.of(key, new PyList(items)), true);
  }
}
