package dev.graft.trainer.compare.scorecard;

/**
 * One field of JSON for one contestant, over all answers.
 *
 * @param hits values that answer and reference have
 * @param extra values that only the answer has
 * @param missed values that only the reference has
 */
public record FieldRow(
    String scorer, String field, String contestant, int hits, int extra, int missed) {

  /** The share of the answers' values that are right; NaN where there are none. */
  public double precision() {
    return hits / (double) (hits + extra);
  }

  /** The share of the references' values that were found; NaN where there are none. */
  public double recall() {
    return hits / (double) (hits + missed);
  }

  /** 2TP / (2TP + FP + FN). */
  public double f1() {
    return 2.0 * hits / (2.0 * hits + extra + missed);
  }
}
