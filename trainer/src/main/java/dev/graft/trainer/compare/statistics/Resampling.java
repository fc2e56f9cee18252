package dev.graft.trainer.compare.statistics;

/**
 * Intervals and tests by drawing again from the examples at hand. Every call starts from the seed,
 * so that the same data gives the same figures, whatever else was asked before.
 *
 * @param resamples how often; at least 1
 * @param seed of the draws
 */
public record Resampling(int resamples, long seed) {

  /** 10,000 resamples. */
  public static final Resampling DEFAULT = new Resampling(10_000, 42);

  public Resampling {
    if (resamples < 1) {
      throw new IllegalArgumentException(resamples + " resamples");
    }
  }

  /**
   * The percentile bootstrap interval of a figure (Efron and Tibshirani 1993, An Introduction to
   * the Bootstrap, section 13.3), 95 %: examples are drawn with replacement.
   */
  public Interval interval(Observations observations) {
    Observations data = observations.onlyMeasured();
    if (data.size() == 0) {
      return Interval.NONE;
    }
    var draws = new Draws(seed);
    double[] figures = new double[resamples];
    var sums = new Sums(data);
    for (int r = 0; r < resamples; r++) {
      sums.clear();
      for (int i = 0; i < data.size(); i++) {
        sums.add(data, draws.below(data.size()));
      }
      figures[r] = sums.figure(data);
    }
    return Interval.percentile(data.value(), figures);
  }

  /**
   * The interval of a difference, {@code one} less {@code other}: both are drawn on the same
   * examples, since they answered the same ones. Examples that only one of them has are left out.
   */
  public Interval difference(Observations one, Observations other) {
    int[] both = Observations.examplesWhere(one, other);
    if (both.length == 0) {
      return Interval.NONE;
    }
    Observations a = one.only(both);
    Observations b = other.only(both);
    var draws = new Draws(seed);
    double[] differences = new double[resamples];
    var left = new Sums(a);
    var right = new Sums(b);
    for (int r = 0; r < resamples; r++) {
      left.clear();
      right.clear();
      for (int i = 0; i < both.length; i++) {
        int example = draws.below(both.length);
        left.add(a, example);
        right.add(b, example);
      }
      differences[r] = left.figure(a) - right.figure(b);
    }
    return Interval.percentile(a.value() - b.value(), differences);
  }

  /**
   * The two-sided p-value of a difference by approximate randomization (Noreen 1989; Yeh 2000, More
   * accurate tests for the statistical significance of result differences): were there no
   * difference, the two might as well have swapped their answers to any example. The share of swaps
   * with a difference at least as large, the swap that was seen among them: (1 + count) / (1 +
   * resamples). 1 where no example is measured on both.
   */
  public double randomizationTest(Observations one, Observations other) {
    int[] both = Observations.examplesWhere(one, other);
    if (both.length == 0) {
      return 1;
    }
    Observations a = one.only(both);
    Observations b = other.only(both);
    // What rounding makes of equal differences must not decide.
    double seen = Math.abs(a.value() - b.value());
    double threshold = seen - 1e-12 * Math.max(1, seen);
    var draws = new Draws(seed);
    var left = new Sums(a);
    var right = new Sums(b);
    int atLeast = 0;
    for (int r = 0; r < resamples; r++) {
      left.clear();
      right.clear();
      long bits = 0;
      for (int i = 0; i < both.length; i++) {
        bits = (i & 63) == 0 ? draws.nextLong() : bits >>> 1;
        boolean swap = (bits & 1) == 1;
        left.add(swap ? b : a, i);
        right.add(swap ? a : b, i);
      }
      atLeast += Math.abs(left.figure(a) - right.figure(b)) >= threshold ? 1 : 0;
    }
    return (1.0 + atLeast) / (1.0 + resamples);
  }

  /** Running sums of numerators and denominators. */
  private static final class Sums {
    private final double[] tops;
    private final double[] bottoms;

    Sums(Observations of) {
      this.tops = new double[of.numerators().length];
      this.bottoms = new double[of.numerators().length];
    }

    void clear() {
      java.util.Arrays.fill(tops, 0);
      java.util.Arrays.fill(bottoms, 0);
    }

    void add(Observations data, int example) {
      for (int k = 0; k < tops.length; k++) {
        tops[k] += data.numerators()[k][example];
        bottoms[k] += data.denominators()[k][example];
      }
    }

    double figure(Observations data) {
      return data.figure(tops, bottoms);
    }
  }
}
