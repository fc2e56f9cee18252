package dev.graft.tokenizer.template;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Jinja's filters, by name. */
final class Filters {
  /** {@code value|filter(arguments)}. */
  @FunctionalInterface
  interface Filter {
    Value apply(Value value, Arguments arguments);
  }

  private static final Map<String, Filter> FILTERS = register();

  private Filters() {}

  private static Map<String, Filter> register() {
    Map<String, Filter> filters = new TreeMap<>();
    TextFilters.register(filters);
    NumberFilters.register(filters);
    ItemFilters.register(filters);
    return Map.copyOf(filters);
  }

  static @Nullable Filter find(String name) {
    return FILTERS.get(name);
  }

  static List<String> names() {
    return FILTERS.keySet().stream().sorted().toList();
  }

  /** A filter named by a value while rendering, as in {@code map(name)}. */
  static Filter named(Value name) {
    Filter filter = name instanceof Str str ? FILTERS.get(str.text()) : null;
    if (filter == null) {
      throw PyError.unsupported("the filter '" + Printer.str(name) + "'");
    }
    return filter;
  }
}
