package dev.graft.trainer.compare.score;

/**
 * A figure that a scorer gives.
 *
 * @param name within the scorer
 * @param higherIsBetter whether a larger figure is the better one
 * @param definition one sentence for people
 */
public record Metric(String name, boolean higherIsBetter, String definition) {

  /** One whose larger values are better. */
  static Metric of(String name, String definition) {
    return new Metric(name, true, definition);
  }
}
