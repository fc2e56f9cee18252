package dev.graft.trainer.compare.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.compare.statistics.Difference.Verdict;
import java.util.Arrays;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Figures that are not from published examples were computed in Python: SplitMix64 written out anew
 * in integers, {@code numpy.percentile}, {@code fractions.Fraction} for binomial sums.
 */
class StatisticsTest {

  private static final double NAN = Double.NaN;

  private static final Observations ONE =
      Observations.ofValues(0.9, 0.4, 0.75, 1.0, 0.2, 0.65, 0.8, 0.55, 0.3, 0.95, 0.7);
  private static final Observations OTHER =
      Observations.ofValues(0.7, 0.5, 0.6, 0.9, 0.1, 0.65, 0.6, 0.35, 0.4, 0.8, 0.45);

  @Test
  void drawsAreSplitMix64() {
    var draws = new Draws(42);

    assertThat(Long.toUnsignedString(draws.nextLong())).isEqualTo("13679457532755275413");
    assertThat(Long.toUnsignedString(draws.nextLong())).isEqualTo("2949826092126892291");
    assertThat(Long.toUnsignedString(draws.nextLong())).isEqualTo("5139283748462763858");
  }

  @Test
  void intervalsOfMeansAndDifferences() {
    assertInterval(Resampling.DEFAULT.interval(ONE), 0.6545454545454545, 0.5045454545454546, 0.8);
    assertInterval(
        Resampling.DEFAULT.difference(ONE, OTHER),
        0.10454545454545455,
        0.03181818181818182,
        0.16818181818181818);
  }

  @Test
  void intervalsOfRatiosPerplexitiesAndMacroAverages() {
    Observations ratio = ratio(new double[] {2, 1, 3, 0, 4, 2}, new double[] {3, 2, 3, 1, 5, 4});
    assertInterval(Resampling.DEFAULT.interval(ratio), 2.0 / 3, 0.46153846, 0.82352941);

    var perplexity =
        new Observations(new double[][] {{10, 25, 8}}, new double[][] {{8, 14, 9}}, true);
    assertInterval(
        Resampling.DEFAULT.interval(perplexity), 4.003210940372614, 2.43242545, 5.96383831);

    var macro =
        new Observations(
            new double[][] {{2, 0, 2, 2}, {0, 2, 0, 2}},
            new double[][] {{2, 1, 3, 2}, {1, 2, 1, 4}},
            false);
    assertInterval(Resampling.DEFAULT.interval(macro), 0.625, 0.4, 0.71428571);
  }

  /**
   * The bootstrap of k ones among n values is Binomial(n, k / n) / n, whose quantiles are known.
   */
  @ParameterizedTest
  @CsvSource({"20, 12, 0.4, 0.8", "50, 40, 0.68, 0.9"})
  void theBootstrapOfASharesIsBinomial(int n, int ones, double low, double high) {
    double[] values = new double[n];
    Arrays.fill(values, 0, ones, 1);

    assertInterval(
        Resampling.DEFAULT.interval(Observations.ofValues(values)), ones / (double) n, low, high);
  }

  /**
   * Efron and Tibshirani 1993, tables 2.1 and 2.2: survival of treated mice, whose mean has a
   * bootstrap standard error of 23.36 with infinitely many resamples.
   */
  @Test
  void theMiceOfEfronAndTibshirani() {
    Observations mice = Observations.ofValues(94, 197, 16, 38, 99, 141, 23);
    double[] influences = mice.influences();

    double squares = Arrays.stream(influences).map(v -> v * v).sum();
    assertThat(Math.sqrt(squares / 7 / 7)).isCloseTo(23.36, within(0.005));
    Interval interval = Resampling.DEFAULT.interval(mice);
    // The half width of a percentile interval is about 1.96 standard errors.
    assertThat((interval.high() - interval.low()) / 2 / 1.96).isCloseTo(23.36, within(0.8));
    assertThat(interval.estimate()).isCloseTo(86.86, within(0.005));
  }

  @Test
  void whatWasNotMeasuredIsLeftOutOfBothSides() {
    Observations gaps = Observations.ofValues(1, NAN, 0, 1, NAN);
    Observations other = Observations.ofValues(NAN, 1, 0, 0, NAN);

    assertThat(gaps.measured()).isEqualTo(3);
    assertThat(gaps.value()).isEqualTo(2.0 / 3);
    Difference difference = Difference.between(gaps, other, Resampling.DEFAULT);
    assertThat(difference.pairs()).isEqualTo(2);
    assertThat(difference.interval().estimate()).isEqualTo(0.5);
    Difference nothing =
        Difference.between(gaps, Observations.ofValues(NAN, 1, NAN, NAN, 1), Resampling.DEFAULT);
    assertThat(nothing.verdict(true)).isEqualTo(Verdict.NOT_COMPARED);
    assertThat(Resampling.DEFAULT.interval(Observations.ofValues(NAN)).isKnown()).isFalse();
  }

  @Test
  void theSameDataGivesTheSameFigures() {
    assertThat(Resampling.DEFAULT.interval(ONE)).isEqualTo(Resampling.DEFAULT.interval(ONE));
    assertThat(new Resampling(1000, 1).interval(ONE))
        .isNotEqualTo(new Resampling(1000, 2).interval(ONE));
  }

  /** Exactly 64 of the 2048 swaps are as extreme: p = 0.03125. */
  @Test
  void theRandomizationTestComesCloseToAllSwaps() {
    double p = Resampling.DEFAULT.randomizationTest(ONE, OTHER);

    assertThat(p).isCloseTo(0.0313968603139686, within(1e-12)).isCloseTo(0.03125, within(0.004));
    assertThat(Resampling.DEFAULT.randomizationTest(ONE, ONE)).isEqualTo(1);
  }

  /** Agresti 1990, p. 350: approval of the president in two surveys; z² = 17.36. */
  @Test
  void theApprovalRatingsOfAgresti() {
    var approval = new McNemar(150, 86);

    assertThat(approval.chiSquared()).isCloseTo(17.3559, within(5e-5));
    assertThat(approval.pValue()).isCloseTo(3.715936139571442e-05, within(1e-15));
    assertThat(new McNemar(86, 150)).extracting(McNemar::pValue).isEqualTo(approval.pValue());
  }

  @ParameterizedTest
  @CsvSource({
    "10, 3, 0.09228515625",
    "0, 6, 0.03125",
    "1, 8, 0.0390625",
    "5, 5, 1",
    "0, 0, 1",
    "3000, 2800, 0.008969436001193416",
  })
  void mcNemarsTestIsExact(int b, int c, double p) {
    assertThat(new McNemar(b, c).pValue()).isCloseTo(p, within(1e-10 * p));
  }

  /** Four hypotheses; the third smallest takes the value of the second, which is larger. */
  @Test
  void holmsCorrection() {
    assertThat(Holm.adjusted(0.01, 0.04, 0.03, 0.005)).containsExactly(0.03, 0.06, 0.06, 0.02);
    assertThat(Holm.adjusted(0.9, 0.8)).containsExactly(1, 1);
    assertThat(Holm.adjusted()).isEmpty();
  }

  @Test
  void theNumberOfExamplesNeeded() {
    assertThat(ExamplesNeeded.forMeans(ONE, OTHER)).isEqualTo(OptionalLong.of(11));
    assertThat(ExamplesNeeded.forMeans(ONE, ONE)).isEmpty();
    assertThat(ExamplesNeeded.forRightOrWrong(new McNemar(10, 3), 40)).hasValue(81);
    assertThat(ExamplesNeeded.forRightOrWrong(new McNemar(86, 150), 1600)).hasValue(722);
    assertThat(ExamplesNeeded.forRightOrWrong(new McNemar(4, 4), 40)).isEmpty();
    Observations one = ratio(new double[] {2, 1, 3, 0, 4, 2}, new double[] {3, 2, 3, 1, 5, 4});
    Observations other = ratio(new double[] {1, 1, 3, 1, 2, 1}, new double[] {3, 2, 4, 2, 5, 3});
    assertThat(ExamplesNeeded.forMeans(one, other)).hasValue(10);
  }

  @Test
  void verdictsFollowTheCorrectedValueAndTheDirection() {
    Difference difference = Difference.between(ONE, OTHER, Resampling.DEFAULT);

    assertThat(difference.test()).isEqualTo(Difference.Test.RANDOMIZATION);
    assertThat(difference.verdict(true)).isEqualTo(Verdict.BETTER);
    assertThat(difference.verdict(false)).isEqualTo(Verdict.WORSE);
    assertThat(difference.withAdjusted(0.05).verdict(true)).isEqualTo(Verdict.NO_DIFFERENCE_SHOWN);
    Difference rights =
        Difference.between(
            Observations.ofValues(1, 1, 1, 1, 1, 1, 0),
            Observations.ofValues(0, 0, 0, 0, 0, 0, 0),
            Resampling.DEFAULT);
    assertThat(rights.test()).isEqualTo(Difference.Test.MCNEMAR);
    assertThat(rights.pValue()).isCloseTo(0.03125, within(1e-15));
  }

  private static Observations ratio(double[] tops, double[] bottoms) {
    return new Observations(new double[][] {tops}, new double[][] {bottoms}, false);
  }

  private static void assertInterval(Interval actual, double estimate, double low, double high) {
    assertThat(actual.estimate()).isCloseTo(estimate, within(1e-12));
    assertThat(actual.low()).isCloseTo(low, within(1e-8));
    assertThat(actual.high()).isCloseTo(high, within(1e-8));
  }
}
