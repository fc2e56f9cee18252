package dev.graft.trainer.selftest;

import java.util.ArrayList;
import java.util.List;

/** Of a matrix. */
record Size(int rows, int columns) {

  /**
   * Some sizes.
   *
   * @param numbers rows and columns by turns
   */
  static List<Size> list(int... numbers) {
    List<Size> sizes = new ArrayList<>();
    for (int i = 0; i < numbers.length; i += 2) {
      sizes.add(new Size(numbers[i], numbers[i + 1]));
    }
    return sizes;
  }

  @Override
  public String toString() {
    return rows + " x " + columns;
  }
}
