package dev.graft.trainer.export;

/**
 * How far one model's predictions are from another's, over all positions of the golden sequences.
 *
 * @param maxLogit the largest difference of a logit
 * @param meanLogit the mean absolute difference
 * @param meanKl Kullback-Leibler divergence from the reference's distribution to the other, in
 *     nats, mean over the positions
 * @param maxKl its largest value
 * @param equalGreedy at how many of {@code greedyTokens} the likeliest token is the reference's
 * @param greedyTokens positions that predict a token which the reference generated
 * @param spread standard deviation of the reference's logits: what their differences are large or
 *     small against
 */
record Divergence(
    double maxLogit,
    double meanLogit,
    double meanKl,
    double maxKl,
    long equalGreedy,
    long greedyTokens,
    double spread) {

  /** Share of equal greedy tokens. */
  double equalShare() {
    return greedyTokens == 0 ? 1 : (double) equalGreedy / greedyTokens;
  }

  /** The logarithm of the sum of the exponentials of some logits. */
  static double logSumExp(float[] values, int at, int count) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      largest = Math.max(largest, values[at + i]);
    }
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Math.exp(values[at + i] - largest);
    }
    return largest + Math.log(sum);
  }

  /** Sums position by position, in double. */
  static final class Sum {
    private double maxLogit;
    private double sumLogit;
    private double sumKl;
    private double maxKl;
    private long equalGreedy;
    private long greedyTokens;
    private long positions;
    private long logits;
    private double sum;
    private double squares;

    /**
     * Adds one position.
     *
     * @param reference (V) logits
     * @param other (V) logits
     * @param greedy the token that the reference generated here, or -1
     */
    void add(float[] reference, float[] other, int at, int vocabulary, int greedy) {
      double normOfReference = logSumExp(reference, at, vocabulary);
      double normOfOther = logSumExp(other, at, vocabulary);
      double kl = 0;
      int best = 0;
      for (int i = 0; i < vocabulary; i++) {
        double p = reference[at + i];
        double q = other[at + i];
        double difference = Math.abs(p - q);
        // A NaN must not get lost in a comparison.
        maxLogit = Double.isNaN(difference) ? Double.NaN : Math.max(maxLogit, difference);
        sumLogit += difference;
        sum += p;
        squares += p * p;
        double logP = p - normOfReference;
        kl += Math.exp(logP) * (logP - (q - normOfOther));
        best = other[at + i] > other[at + best] ? i : best;
      }
      sumKl += kl;
      maxKl = Math.max(maxKl, kl);
      positions++;
      logits += vocabulary;
      if (greedy >= 0) {
        greedyTokens++;
        equalGreedy += best == greedy ? 1 : 0;
      }
    }

    Divergence total() {
      double mean = sum / logits;
      return new Divergence(
          maxLogit,
          sumLogit / logits,
          // Rounding of sums can leave a divergence of nearly nothing below it.
          Double.isNaN(sumKl) ? sumKl : Math.max(0, sumKl / positions),
          maxKl,
          equalGreedy,
          greedyTokens,
          Math.sqrt(Math.max(0, squares / logits - mean * mean)));
    }
  }
}
