package dev.graft.trainer.compare.statistics;

import java.util.Arrays;

/**
 * A figure and where it may lie.
 *
 * @param estimate from the data as it is
 * @param low the 2.5 % percentile of the resamples
 * @param high the 97.5 % percentile of the resamples
 */
public record Interval(double estimate, double low, double high) {

  /** Nothing was measured. */
  public static final Interval NONE = new Interval(Double.NaN, Double.NaN, Double.NaN);

  /** The percentile interval of resampled figures; those that are not a number are left out. */
  static Interval percentile(double estimate, double[] resamples) {
    double[] sorted = Arrays.stream(resamples).filter(v -> !Double.isNaN(v)).sorted().toArray();
    return sorted.length == 0
        ? NONE
        : new Interval(estimate, quantile(sorted, 0.025), quantile(sorted, 0.975));
  }

  /**
   * A quantile with linear interpolation between order statistics: definition 7 of Hyndman and Fan
   * (1996), the default of R and NumPy.
   *
   * @param sorted ascending, at least one
   */
  public static double quantile(double[] sorted, double share) {
    double place = share * (sorted.length - 1);
    int below = (int) Math.floor(place);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  /** Whether there is a figure. */
  public boolean isKnown() {
    return !Double.isNaN(estimate);
  }
}
