package dev.graft.trainer.sweep;

import dev.graft.trainer.config.ConfigException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Every combination of some axes' values; the last axis changes fastest.
 *
 * @param axes each key once; one with a single value is the same in all runs
 */
public record Grid(List<Axis> axes) {

  /** More is a slip of the finger: so many runs are never waited for. */
  private static final int MOST_RUNS = 1000;

  private static final int LONGEST_NAME = 100;

  /**
   * One combination.
   *
   * @param name of its folder, made of what varies: {@code rank-8_learning-rate-1e-4}
   * @param settings value by key, of all axes
   */
  public record Point(String name, Map<String, String> settings) {

    /** As {@code --set} takes them. */
    List<String> overrides() {
      return settings.entrySet().stream().map(it -> it.getKey() + "=" + it.getValue()).toList();
    }
  }

  public Grid {
    axes = List.copyOf(axes);
    Set<String> keys = new HashSet<>();
    long runs = 1;
    for (Axis axis : axes) {
      if (!keys.add(axis.key())) {
        throw new ConfigException(
            "--set %s: is given twice; write its values behind one, with commas"
                .formatted(axis.key()));
      }
      if (axis.key().equals("output")) {
        throw new ConfigException(
            "--set output: each run of a sweep has its own folder; --output says in which they lie");
      }
      runs = Math.min(runs * axis.values().size(), MOST_RUNS + 1);
    }
    if (runs > MOST_RUNS) {
      throw new ConfigException(
          "the grid has more than %d runs; give fewer values".formatted(MOST_RUNS));
    }
  }

  /** Of {@code --set} options. */
  public static Grid parse(List<String> options) {
    return new Grid(options.stream().map(Axis::parse).toList());
  }

  /** The axes with a choice, which tell the runs apart. */
  List<Axis> varying() {
    return axes.stream().filter(Axis::varies).toList();
  }

  /** All combinations, each with a name of its own. */
  public List<Point> points() {
    List<Map<String, String>> combinations = new ArrayList<>(List.of(new LinkedHashMap<>()));
    for (Axis axis : axes) {
      List<Map<String, String>> longer = new ArrayList<>();
      for (Map<String, String> combination : combinations) {
        for (String value : axis.values()) {
          Map<String, String> next = new LinkedHashMap<>(combination);
          next.put(axis.key(), value);
          longer.add(next);
        }
      }
      combinations = longer;
    }
    List<Point> points = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (Map<String, String> combination : combinations) {
      String name = name(combination);
      String free = name;
      for (int i = 2; !taken.add(free); i++) {
        free = name + "-" + i;
      }
      points.add(new Point(free, combination));
    }
    return List.copyOf(points);
  }

  private String name(Map<String, String> combination) {
    String name =
        varying().stream()
            .map(axis ->
                shortKey(axis.key()) + "-" + inFileName(combination.getOrDefault(axis.key(), "")))
            .collect(Collectors.joining("_"));
    if (name.isEmpty()) {
      return "run";
    }
    return name.length() <= LONGEST_NAME
        ? name
        : name.substring(0, LONGEST_NAME) + "-" + Integer.toHexString(name.hashCode());
  }

  /** The key without its section, unless two axes would then be called the same. */
  String shortKey(String key) {
    String last = lastPart(key);
    boolean unique = axes.stream().filter(axis -> lastPart(axis.key()).equals(last)).count() == 1;
    return unique ? last : key;
  }

  private static String lastPart(String key) {
    return key.substring(key.lastIndexOf('.') + 1);
  }

  private static String inFileName(String value) {
    String safe = value.replaceAll("[^\\w.-]+", "-").replaceAll("^-|-$", "");
    return safe.isEmpty() ? "none" : safe;
  }
}
