package dev.graft.tokenizer.check;

import java.util.Arrays;

/**
 * Lists of numbers by a 64-bit key, in flat arrays: some 30 bytes an entry, where a map of lists
 * takes more than a hundred.
 */
final class Buckets {
  private static final int NONE = -1;

  private long[] keys = new long[1 << 12];
  private int[] first = new int[1 << 12];
  private int[] next = new int[1 << 12];
  private int used;

  /**
   * @param room entries that there will be at least
   */
  Buckets(int room) {
    next = new int[Math.max(room, 1 << 12)];
    Arrays.fill(first, NONE);
  }

  /** The slot of a key, which may be empty; good until the next {@link #add}. */
  int slot(long key) {
    if (used * 2 > keys.length) {
      grow();
    }
    int slot = find(key);
    keys[slot] = key;
    return slot;
  }

  private int find(long key) {
    int mask = keys.length - 1;
    int slot = (int) (key >>> 32) & mask;
    while (first[slot] != NONE && keys[slot] != key) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** The latest entry of a slot, or a negative number. */
  int first(int slot) {
    return first[slot];
  }

  /** The entry before it, or a negative number. */
  int next(int entry) {
    return next[entry];
  }

  /**
   * Puts an entry into a slot.
   *
   * @param entry ascending from call to call
   * @param wanted false to leave it out, where there are enough
   */
  void add(int slot, int entry, boolean wanted) {
    if (!wanted) {
      return;
    }
    if (entry >= next.length) {
      next = Arrays.copyOf(next, Math.max(entry + 1, next.length * 2));
    }
    used += first[slot] == NONE ? 1 : 0;
    next[entry] = first[slot];
    first[slot] = entry;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldFirst = first;
    keys = new long[oldKeys.length * 2];
    first = new int[keys.length];
    Arrays.fill(first, NONE);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldFirst[i] != NONE) {
        int slot = find(oldKeys[i]);
        keys[slot] = oldKeys[i];
        first[slot] = oldFirst[i];
      }
    }
  }
}
