package dev.graft.trainer.compare.statistics;

import java.util.OptionalLong;

/**
 * How many examples it would take to detect the difference that was seen, were it the true one:
 * two-sided at a level of 5 %, with a power of 80 %.
 */
public final class ExamplesNeeded {

  /** Φ⁻¹(0.975). */
  private static final double Z_LEVEL = 1.959963984540054;

  /** Φ⁻¹(0.8). */
  private static final double Z_POWER = 0.8416212335729143;

  private ExamplesNeeded() {}

  /**
   * For scores in pairs: n = ((z_{α/2} + z_β) σ_d / δ)², where δ is the difference seen and σ_d the
   * standard deviation of the pairs' differences (Chow, Shao, Wang, Sample Size Calculations in
   * Clinical Research, section 3.1, applied to differences). For ratios the pairs' {@linkplain
   * Observations#influences influences} stand for the scores.
   *
   * @return empty where nothing differs
   */
  public static OptionalLong forMeans(Observations one, Observations other) {
    int[] both = Observations.examplesWhere(one, other);
    if (both.length < 2) {
      return OptionalLong.empty();
    }
    Observations a = one.only(both);
    Observations b = other.only(both);
    double delta = a.value() - b.value();
    if (Math.abs(delta) < 1e-12 || Double.isNaN(delta)) {
      return OptionalLong.empty();
    }
    double[] left = a.influences();
    double[] right = b.influences();
    double squares = 0;
    for (int i = 0; i < both.length; i++) {
      double d = left[i] - right[i];
      squares += d * d;
    }
    double variance = squares / (both.length - 1);
    double z = Z_LEVEL + Z_POWER;
    return OptionalLong.of(Math.max(2, (long) Math.ceil(z * z * variance / (delta * delta))));
  }

  /**
   * For right and wrong answers: n = (z_{α/2} √ψ + z_β √(ψ - δ²))² / δ², where ψ is the share of
   * examples on which exactly one is right and δ the difference of the shares (Connor 1987, Sample
   * size for testing differences in proportions for the paired-sample design).
   *
   * @param pairs examples that both answered
   * @return empty where as many are won as lost
   */
  public static OptionalLong forRightOrWrong(McNemar counts, int pairs) {
    if (pairs == 0 || counts.onlyOne() == counts.onlyOther()) {
      return OptionalLong.empty();
    }
    double psi = (counts.onlyOne() + counts.onlyOther()) / (double) pairs;
    double delta = (counts.onlyOne() - counts.onlyOther()) / (double) pairs;
    double root = Z_LEVEL * Math.sqrt(psi) + Z_POWER * Math.sqrt(psi - delta * delta);
    return OptionalLong.of((long) Math.ceil(root * root / (delta * delta)));
  }
}
