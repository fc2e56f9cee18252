package dev.graft.trainer.compare.statistics;

/**
 * McNemar's test for two ways of answering that were right or wrong on the same examples (McNemar
 * 1947; the exact form as in Agresti, Categorical Data Analysis, section 10.1).
 *
 * @param onlyOne examples that only the one got right (b)
 * @param onlyOther examples that only the other got right (c)
 */
public record McNemar(int onlyOne, int onlyOther) {

  /** Counts the examples on which two differ; those that only one of them answered are left out. */
  public static McNemar of(Observations one, Observations other) {
    int onlyOne = 0;
    int onlyOther = 0;
    for (int i : Observations.examplesWhere(one, other)) {
      boolean left = one.numerators()[0][i] == 1;
      boolean right = other.numerators()[0][i] == 1;
      onlyOne += left && !right ? 1 : 0;
      onlyOther += right && !left ? 1 : 0;
    }
    return new McNemar(onlyOne, onlyOther);
  }

  /**
   * McNemar's own statistic, (b - c)² / (b + c), without continuity correction; 0 for b + c = 0.
   */
  public double chiSquared() {
    double difference = onlyOne - (double) onlyOther;
    int discordant = onlyOne + onlyOther;
    return discordant == 0 ? 0 : difference * difference / discordant;
  }

  /**
   * The exact two-sided p-value: twice the probability that a fair coin, tossed b + c times, falls
   * at most min(b, c) times on one side; at most 1.
   */
  public double pValue() {
    int tosses = onlyOne + onlyOther;
    int fewer = Math.min(onlyOne, onlyOther);
    // The largest term by logarithms, since 2^tosses may overflow; the others by their ratios.
    double logTerm = -tosses * Math.log(2);
    for (int i = 1; i <= fewer; i++) {
      logTerm += Math.log((tosses - fewer + i) / (double) i);
    }
    double relative = 1;
    double sum = 0;
    for (int k = fewer; k >= 0 && relative > 1e-20 * sum; k--) {
      sum += relative;
      relative *= k / (double) (tosses - k + 1);
    }
    return Math.min(1, 2 * Math.exp(logTerm) * sum);
  }
}
