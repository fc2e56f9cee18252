package dev.graft.tokenizer.template;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The variables of one stretch of template: the whole, a loop's body, a macro.
 *
 * <p>Jinja decides when it compiles what each name means. A name that a scope sets is its own from
 * the start, beginning with the outer scope's value where there is one, with nothing otherwise; a
 * name it reads before setting comes from the context. So a variable set at the end of the template
 * hides the context's even in loops above it, and following Jinja to the letter means deciding it
 * before rendering too. Filled by the Resolver, read-only afterwards.
 */
final class Scope {
  /** What a slot starts with when the scope is entered. */
  sealed interface Load {
    /** The context's variable. */
    record Context(String name) implements Load {}

    /** The value an outer scope has at that moment. */
    record Outer(int hops, int slot) implements Load {}

    /** A parameter: whoever enters the scope fills it. */
    record Parameter() implements Load {}

    record Nothing() implements Load {}
  }

  private @Nullable Scope parent;
  private Map<String, Integer> slots = new LinkedHashMap<>();
  private Map<Integer, Load> loads = new LinkedHashMap<>();
  private Set<String> names = new HashSet<>();
  private Set<String> stores = new HashSet<>();
  private List<Map.Entry<Integer, Load>> entryLoads = List.of();

  void parent(@Nullable Scope outer) {
    parent = outer;
  }

  int size() {
    return slots.size();
  }

  /** Loads to run on entry: those from the context or an outer scope. */
  List<Map.Entry<Integer, Load>> entryLoads() {
    return entryLoads;
  }

  void freeze() {
    entryLoads =
        loads.entrySet().stream()
            .filter(e -> e.getValue() instanceof Load.Context || e.getValue() instanceof Load.Outer)
            .toList();
  }

  /** A copy for one branch of an if: it shares the slots and the parent, not what is known. */
  Scope branch() {
    Scope copy = new Scope();
    copy.parent = parent;
    copy.slots = slots;
    copy.loads = new LinkedHashMap<>(loads);
    copy.names = new HashSet<>(names);
    copy.stores = new HashSet<>(stores);
    return copy;
  }

  /** Joins branches: a name that some branch sets starts as it was before the if. */
  void merge(List<Scope> branches) {
    Set<String> stored = new HashSet<>();
    branches.forEach(branch -> stored.addAll(branch.stores));
    stored.removeAll(stores);
    for (Scope branch : branches) {
      names.addAll(branch.names);
      loads.putAll(branch.loads);
      stores.addAll(branch.stores);
    }
    for (String name : stored) {
      Load.Outer outer = parent == null ? null : parent.find(name, 1);
      loads.put(slot(name), outer != null ? outer : new Load.Context(name));
    }
  }

  private int slot(String name) {
    return slots.computeIfAbsent(name, _ -> slots.size());
  }

  private int define(String name, Load load) {
    int slot = slot(name);
    names.add(name);
    loads.put(slot, load);
    return slot;
  }

  int parameter(String name) {
    stores.add(name);
    return define(name, new Load.Parameter());
  }

  void store(String name) {
    stores.add(name);
    if (!names.contains(name)) {
      Load.Outer outer = parent == null ? null : parent.find(name, 1);
      define(name, outer != null ? outer : new Load.Nothing());
    }
  }

  void load(String name) {
    if (find(name, 0) == null) {
      define(name, new Load.Context(name));
    }
  }

  /** Where {@code name} lives, seen from {@code hops} scopes further in; null if nowhere yet. */
  Load.@Nullable Outer find(String name, int hops) {
    if (names.contains(name)) {
      return new Load.Outer(hops, slot(name));
    }
    return parent == null ? null : parent.find(name, hops + 1);
  }

  void bind(String name, Expr.Ref ref) {
    Load.Outer found = find(name, 0);
    if (found == null) {
      load(name);
      found = new Load.Outer(0, slot(name));
    }
    ref.bind(found.hops(), found.slot());
  }
}
