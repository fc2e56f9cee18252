package dev.graft.trainer.compare.score;

/**
 * What one answer adds to one figure: numerators and denominators of the ratios of sums that the
 * figure is the mean of. Most figures are means: one numerator over 1.
 */
@SuppressWarnings("ArrayRecordComponent") // summed up, never compared
public record Mark(double[] numerators, double[] denominators) {

  /** A value whose mean counts. */
  public static Mark of(double value) {
    return new Mark(new double[] {value}, new double[] {1});
  }

  /** Right is 1, wrong is 0. */
  public static Mark of(boolean right) {
    return of(right ? 1 : 0);
  }

  /** A part of a ratio of sums. */
  public static Mark ratio(double numerator, double denominator) {
    return new Mark(new double[] {numerator}, new double[] {denominator});
  }

  /** The value for this answer alone; NaN where it adds nothing. */
  public double value() {
    double sum = 0;
    int count = 0;
    for (int k = 0; k < numerators.length; k++) {
      if (denominators[k] != 0) {
        sum += numerators[k] / denominators[k];
        count++;
      }
    }
    return sum / count;
  }
}
