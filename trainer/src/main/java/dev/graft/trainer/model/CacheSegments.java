package dev.graft.trainer.model;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Shares out the rows of a cache: each taker gets the first run of free rows that is long enough.
 */
final class CacheSegments {

  /** What {@link #take} answers where no run of free rows is long enough. */
  static final int NONE = -1;

  private final int rows;
  private final NavigableMap<Integer, Integer> taken = new TreeMap<>(); // first row to length

  CacheSegments(int rows) {
    this.rows = rows;
  }

  /** The first of so many rows, or {@link #NONE}. */
  int take(int length) {
    int free = 0;
    for (Map.Entry<Integer, Integer> segment : taken.entrySet()) {
      if (segment.getKey() - free >= length) {
        break;
      }
      free = segment.getKey() + segment.getValue();
    }
    if (rows - free < length) {
      return NONE;
    }
    taken.put(free, length);
    return free;
  }

  /** Gives back what {@link #take} gave. */
  void give(int first) {
    if (taken.remove(first) == null) {
      throw new IllegalStateException("row %d begins no segment".formatted(first));
    }
  }
}
