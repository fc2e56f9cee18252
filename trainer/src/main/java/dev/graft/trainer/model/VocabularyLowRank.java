package dev.graft.trainer.model;

import dev.graft.trainer.tensor.Tensor;

/**
 * The LoRA of a weight with a row for each token, the embedding or the output projection: {@code W
 * + scale · tokens · hidden}.
 *
 * @param tokens (V, r) act: what products read
 * @param tokensGradient (V, r) float32, added to by the backward
 * @param hidden (r, d) act
 * @param hiddenGradient (r, d) float32, added to by the backward
 */
public record VocabularyLowRank(
    Tensor tokens, Tensor tokensGradient, Tensor hidden, Tensor hiddenGradient, float scale) {

  /** r. */
  int rank() {
    return hidden.rows();
  }
}
