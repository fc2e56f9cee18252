package dev.graft.trainer.compare.statistics;

import java.util.OptionalLong;

/**
 * One contestant against another on one figure.
 *
 * @param interval of the difference, one less the other
 * @param pairs examples that both have
 * @param test what the p-value comes from
 * @param pValue of one test alone
 * @param adjusted the p-value after {@linkplain Holm Holm's correction}; as {@code pValue} until
 *     {@link #withAdjusted} says otherwise
 * @param needed examples that it would take to detect the difference seen; empty where there is
 *     none
 */
public record Difference(
    Interval interval, int pairs, Test test, double pValue, double adjusted, OptionalLong needed) {

  /** Which test was used. */
  public enum Test {
    MCNEMAR("McNemar, exact"),
    RANDOMIZATION("randomization");

    private final String words;

    Test(String words) {
      this.words = words;
    }

    /** Its name for people. */
    public String words() {
      return words;
    }
  }

  /** The level at which a difference counts as shown. */
  public static final double LEVEL = 0.05;

  /** Compares two; right-or-wrong figures by McNemar's test, all others by randomization. */
  public static Difference between(Observations one, Observations other, Resampling resampling) {
    Interval interval = resampling.difference(one, other);
    int pairs = Observations.examplesWhere(one, other).length;
    if (one.isRightOrWrong() && other.isRightOrWrong()) {
      McNemar counts = McNemar.of(one, other);
      double p = counts.pValue();
      return new Difference(
          interval, pairs, Test.MCNEMAR, p, p, ExamplesNeeded.forRightOrWrong(counts, pairs));
    }
    double p = resampling.randomizationTest(one, other);
    return new Difference(
        interval, pairs, Test.RANDOMIZATION, p, p, ExamplesNeeded.forMeans(one, other));
  }

  /** The same with a corrected p-value. */
  public Difference withAdjusted(double corrected) {
    return new Difference(interval, pairs, test, pValue, corrected, needed);
  }

  /**
   * What may be said.
   *
   * @param higherIsBetter whether a larger figure is the better one
   */
  public Verdict verdict(boolean higherIsBetter) {
    if (pairs == 0 || !interval.isKnown()) {
      return Verdict.NOT_COMPARED;
    }
    if (adjusted >= LEVEL || interval.estimate() == 0) {
      return Verdict.NO_DIFFERENCE_SHOWN;
    }
    return (interval.estimate() > 0) == higherIsBetter ? Verdict.BETTER : Verdict.WORSE;
  }

  /** What may be said of a contestant against the baseline. */
  public enum Verdict {
    BETTER("better"),
    WORSE("worse"),
    NO_DIFFERENCE_SHOWN("no difference shown"),
    NOT_COMPARED("not compared");

    private final String words;

    Verdict(String words) {
      this.words = words;
    }

    /** In words. */
    public String words() {
      return words;
    }
  }
}
