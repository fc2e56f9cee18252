package dev.graft.modelio.rows;

/**
 * What storing some rows has cost.
 *
 * @param maxAbsolute the largest difference between a stored and an exact element
 * @param maxRelative the largest such difference divided by the exact element, where that is not 0
 * @param errorSquares sum of the squared differences
 * @param valueSquares sum of the squared exact elements
 */
public record RowError(
    double maxAbsolute, double maxRelative, double errorSquares, double valueSquares) {
  /** Nothing stored yet. */
  public static final RowError NONE = new RowError(0, 0, 0, 0);

  static RowError of(float[] exact, float[] stored) {
    double maxAbsolute = 0;
    double maxRelative = 0;
    double errorSquares = 0;
    double valueSquares = 0;
    for (int i = 0; i < exact.length; i++) {
      double value = exact[i];
      double error = Math.abs(stored[i] - value);
      maxAbsolute = Math.max(maxAbsolute, error);
      if (value != 0) {
        maxRelative = Math.max(maxRelative, error / Math.abs(value));
      }
      errorSquares += error * error;
      valueSquares += value * value;
    }
    return new RowError(maxAbsolute, maxRelative, errorSquares, valueSquares);
  }

  /** Both together. */
  public RowError plus(RowError other) {
    return new RowError(
        Math.max(maxAbsolute, other.maxAbsolute),
        Math.max(maxRelative, other.maxRelative),
        errorSquares + other.errorSquares,
        valueSquares + other.valueSquares);
  }
}
