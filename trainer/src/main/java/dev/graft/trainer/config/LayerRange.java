package dev.graft.trainer.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Some layers of a model, counted from 0: {@code 7}, or {@code 0-3} with both ends.
 *
 * @param first from 0
 * @param last at least the first
 */
public record LayerRange(int first, int last) {

  private static final Pattern WRITTEN = Pattern.compile("(\\d{1,6})(?:\\s*-\\s*(\\d{1,6}))?");

  public LayerRange {
    if (first < 0 || last < first) {
      throw new IllegalArgumentException("layers from %d to %d".formatted(first, last));
    }
  }

  /** Reads what {@link #toString} writes; empty where it is no range. */
  static Optional<LayerRange> parse(String text) {
    Matcher matcher = WRITTEN.matcher(text.strip());
    if (!matcher.matches()) {
      return Optional.empty();
    }
    int first = Integer.parseInt(matcher.group(1));
    String end = matcher.group(2);
    int last = end == null ? first : Integer.parseInt(end);
    return last < first ? Optional.empty() : Optional.of(new LayerRange(first, last));
  }

  /** All layers of some ranges, ascending, each once. */
  public static List<Integer> layers(Collection<LayerRange> ranges) {
    var layers = new TreeSet<Integer>();
    ranges.forEach(range -> IntStream.rangeClosed(range.first, range.last).forEach(layers::add));
    return List.copyOf(layers);
  }

  /** The same layers in as few ranges as possible, ascending. */
  static List<LayerRange> merged(Collection<LayerRange> ranges) {
    var merged = new ArrayList<LayerRange>();
    for (int layer : layers(ranges)) {
      boolean continues = !merged.isEmpty() && merged.getLast().last == layer - 1;
      merged.add(new LayerRange(continues ? merged.removeLast().first : layer, layer));
    }
    return List.copyOf(merged);
  }

  @Override
  public String toString() {
    return first == last ? String.valueOf(first) : first + "-" + last;
  }
}
