package dev.graft.tokenizer.template;

import static dev.graft.tokenizer.template.Attributes.required;

import dev.graft.tokenizer.template.Filters.Filter;
import dev.graft.tokenizer.template.Value.DictView;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Filters that order: {@code sort}, {@code dictsort}, {@code groupby}, {@code min}, {@code max}.
 */
final class SortFilters {
  private SortFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("sort", SortFilters::sort);
    filters.put("dictsort", SortFilters::dictSort);
    filters.put("groupby", SortFilters::groupBy);
    filters.put("min", (value, arguments) -> extreme(value, arguments, "min", Ops.Order.LT));
    filters.put("max", (value, arguments) -> extreme(value, arguments, "max", Ops.Order.GT));
  }

  static Function<Value, Value> key(AttributePath path, boolean caseSensitive) {
    return item -> caseSensitive ? path.get(item) : ignoreCase(path.get(item));
  }

  private static Value ignoreCase(Value value) {
    return value instanceof Str text ? text.withText(text.text().toLowerCase(Locale.ROOT)) : value;
  }

  /** Python's stable sort, by {@code <} alone. */
  private static List<Value> sorted(
      List<Value> items, Function<Value, Value> key, boolean reverse) {
    record Keyed(Value key, Value item) {}
    List<Keyed> keyed = new ArrayList<>();
    items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
    Comparator<Keyed> order =
        (a, b) ->
            Ops.ordered(Ops.Order.LT, a.key, b.key)
                ? -1
                : Ops.ordered(Ops.Order.LT, b.key, a.key) ? 1 : 0;
    // Reversed, equal items keep their order too: Python reverses before and after.
    keyed.sort(reverse ? order.reversed() : order);
    return keyed.stream().map(Keyed::item).collect(java.util.stream.Collectors.toList());
  }

  private static Value sort(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
    boolean caseSensitive = given[1] != null && Ops.truthy(given[1]);
    List<Function<Value, Value>> keys = new ArrayList<>();
    if (given[2] instanceof Str names) {
      Splitting.split(names, new Str(","), -1)
          .forEach(name -> keys.add(key(AttributePath.of(name), caseSensitive)));
    } else {
      keys.add(key(AttributePath.of(given[2]), caseSensitive));
    }
    Function<Value, Value> key =
        item -> {
          List<Value> parts = new ArrayList<>();
          keys.forEach(part -> parts.add(part.apply(item)));
          return new PyList(parts);
        };
    return new PyList(sorted(Ops.toList(value), key, given[0] != null && Ops.truthy(given[0])));
  }

  private static Value dictSort(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
    boolean caseSensitive = given[0] != null && Ops.truthy(given[0]);
    String by = given[1] == null ? "key" : Printer.str(given[1]).text();
    if (!by.equals("key") && !by.equals("value")) {
      throw PyError.value("You can only sort by either \"key\" or \"value\"");
    }
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (!(value instanceof PyDict dict)) {
      throw new PyError(
          PyError.Kind.UNDEFINED, "'" + value.typeName() + "' object has no attribute 'items'");
    }
    List<Value> items = Ops.toList(new DictView(dict, DictView.Kind.ITEMS));
    int position = by.equals("key") ? 0 : 1;
    return new PyList(
        sorted(
            items,
            item -> {
              Value part = ((PyTuple) item).items().get(position);
              return caseSensitive ? part : ignoreCase(part);
            },
            given[2] != null && Ops.truthy(given[2])));
  }

  private static Value groupBy(Value value, Arguments arguments) {
    @Nullable Value[] given =
        arguments.bind("groupby", 1, "attribute", "default", "case_sensitive");
    boolean caseSensitive = given[2] != null && Ops.truthy(given[2]);
    AttributePath path = AttributePath.of(required(given[0]), given[1]);
    Function<Value, Value> key = key(path, caseSensitive);
    List<Value> groups = new ArrayList<>();
    List<Value> group = new ArrayList<>();
    Value previous = None.NONE;
    for (Value item : sorted(Ops.toList(value), key, false)) {
      Value current = key.apply(item);
      if (!group.isEmpty() && !current.equals(previous)) {
        groups.add(ItemFilters.group(grouper(path, previous, group, caseSensitive), group));
        group = new ArrayList<>();
      }
      previous = current;
      group.add(item);
    }
    if (!group.isEmpty()) {
      groups.add(ItemFilters.group(grouper(path, previous, group, caseSensitive), group));
    }
    return new PyList(groups);
  }

  private static Value grouper(
      AttributePath path, Value key, List<Value> group, boolean caseSensitive) {
    return caseSensitive ? key : path.get(group.getFirst());
  }

  private static Value extreme(Value value, Arguments arguments, String name, Ops.Order better) {
    @Nullable Value[] given = arguments.bind(name, 0, "case_sensitive", "attribute");
    Function<Value, Value> key =
        key(AttributePath.of(given[1]), given[0] != null && Ops.truthy(given[0]));
    Iterator<Value> items = Ops.iterate(value);
    if (!items.hasNext()) {
      return new Undefined("No aggregated item, sequence was empty.");
    }
    Value best = items.next();
    Value bestKey = key.apply(best);
    while (items.hasNext()) {
      Value item = items.next();
      Value itemKey = key.apply(item);
      if (Ops.ordered(better, itemKey, bestKey)) {
        best = item;
        bestKey = itemKey;
      }
    }
    return best;
  }
}
