package dev.graft.trainer.train;

/**
 * Where the losses of the latest steps lie: mean and variance, exponentially weighted (West 1979),
 * plain ones while there are few.
 *
 * @param mean in nats
 * @param variance in nats²
 * @param count steps that went in
 */
record LossTrend(double mean, double variance, int count) {

  static final LossTrend NONE = new LossTrend(0, 0, 0);

  /** The share that the newest step has: the latest fifty or so matter. */
  private static final double NEWEST = 0.02;

  /** Before so many steps there is no telling what is usual. */
  private static final int FEWEST = 10;

  /** With one more loss. */
  LossTrend plus(double loss) {
    double weight = Math.max(NEWEST, 1.0 / (count + 1));
    double difference = loss - mean;
    double step = weight * difference;
    return new LossTrend(mean + step, (1 - weight) * (variance + difference * step), count + 1);
  }

  /** The highest loss that is no spike; infinite while too few steps are known. */
  double limit(double deviations) {
    return count < FEWEST
        ? Double.POSITIVE_INFINITY
        : mean + deviations * Math.sqrt(Math.max(variance, 0));
  }
}
