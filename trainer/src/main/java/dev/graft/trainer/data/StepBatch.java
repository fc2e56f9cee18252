package dev.graft.trainer.data;

import dev.graft.trainer.model.TokenBatch;
import java.util.List;

/**
 * What one optimizer step learns from.
 *
 * @param epoch which pass over the data, from 0
 * @param examples indices of the examples in the dataset
 * @param microBatches what is computed at once, in order; gradients accumulate over them
 */
public record StepBatch(int epoch, List<Integer> examples, List<TokenBatch> microBatches) {

  /** Tokens in all micro-batches. */
  public int tokens() {
    return microBatches.stream().mapToInt(TokenBatch::tokens).sum();
  }

  /** Tokens that count in the loss, in all micro-batches: what the step's loss is divided by. */
  public int targetTokens() {
    return microBatches.stream().mapToInt(TokenBatch::targetTokens).sum();
  }
}
