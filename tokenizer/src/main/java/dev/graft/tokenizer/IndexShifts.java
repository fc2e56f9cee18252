package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.List;

/** Where the characters of one text are in another that differs in some replaced stretches. */
final class IndexShifts {
  private final List<int[]> shifts = new ArrayList<>(); // {from an index on, add this}

  /**
   * Notes that two places correspond, and those behind them until the next such note.
   *
   * @param from index in the one text, larger than in the call before
   * @param to index in the other
   */
  void add(int from, int to) {
    shifts.add(new int[] {from, to - from});
  }

  /** The index in the other text. */
  int apply(int index) {
    int low = 0;
    int high = shifts.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (shifts.get(middle)[0] <= index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == 0 ? index : index + shifts.get(low - 1)[1];
  }
}
