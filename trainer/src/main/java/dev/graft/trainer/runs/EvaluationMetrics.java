package dev.graft.trainer.runs;

/**
 * A line of {@code metrics.jsonl} about one evaluation.
 *
 * @param step how many optimizer steps came before; 0 for the base model's own score
 * @param epoch how often the data had been gone through
 * @param loss mean over the validation set's target tokens, in nats
 * @param targetTokens tokens that the loss fell on
 * @param seconds how long the evaluation took
 */
public record EvaluationMetrics(
    int step, double epoch, double loss, long targetTokens, double seconds) {

  /** e to the loss. */
  public double perplexity() {
    return Math.exp(loss);
  }
}
