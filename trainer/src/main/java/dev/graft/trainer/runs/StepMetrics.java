package dev.graft.trainer.runs;

/**
 * A line of {@code metrics.jsonl} about one optimizer step.
 *
 * @param step counted from 1
 * @param epoch how often the data has been gone through after this step, e.g. 0.02
 * @param loss mean over this step's target tokens, before the update, in nats
 * @param gradNorm global norm of the gradients before clipping
 * @param learningRate that this step's update used
 * @param targetTokens tokens that the loss fell on
 * @param tokens all tokens of the step
 * @param tokensPerSecond {@code tokens} by the time that the step took
 * @param skipped whether the update was left out, since it would have done harm
 */
public record StepMetrics(
    int step,
    double epoch,
    double loss,
    double gradNorm,
    double learningRate,
    long targetTokens,
    long tokens,
    double tokensPerSecond,
    boolean skipped) {}
