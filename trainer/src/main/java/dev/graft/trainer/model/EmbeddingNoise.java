package dev.graft.trainer.model;

import dev.graft.trainer.kernels.UniformNoise;

/**
 * NEFTune (Jain et al. 2023, "NEFTune: Noisy Embeddings Improve Instruction Finetuning", algorithm
 * 1): in training each sequence's embeddings {@code X}, (L, d), become
 *
 * <pre>
 *   X' = X + α / sqrt(L d) · ε      ε uniform in [-1, 1)
 * </pre>
 *
 * so that the noise on a sequence has about the same norm however long it is. L is the length of a
 * sequence itself: sequences that are packed together each have their own, and none is filled up.
 *
 * @param alpha α; 0 switches it off
 * @param seed the run's seed
 * @param microBatch which micro-batch of the run, counted from 0
 */
public record EmbeddingNoise(float alpha, long seed, int microBatch) {

  /** No noise: evaluation and generation. */
  public static final EmbeddingNoise OFF = new EmbeddingNoise(0, 0, 0);

  /** No group of linear layers has a negative place. */
  private static final int PLACE = -1;

  boolean isOn() {
    return alpha > 0;
  }

  UniformNoise draw() {
    return new UniformNoise(seed, microBatch, PLACE);
  }

  /**
   * What ε is multiplied with, for each token.
   *
   * @param rows at least as many as the batch has tokens; 0 for those behind them
   * @param hidden d
   */
  float[] amplitudes(TokenBatch batch, int rows, int hidden) {
    int[] starts = batch.segmentStarts();
    float[] amplitudes = new float[rows];
    for (int start = 0; start < starts.length; ) {
      int end = start;
      while (end < starts.length && starts[end] == start) {
        end++;
      }
      double area = (double) (end - start) * hidden;
      for (int token = start; token < end; token++) {
        amplitudes[token] = (float) (alpha / Math.sqrt(area));
      }
      start = end;
    }
    return amplitudes;
  }
}
