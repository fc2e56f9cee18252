package dev.graft.trainer.model;

import dev.graft.modelio.checkpoint.RandomCheckpoint;

/** A small random model whose sizes are no multiples of anything. */
public final class OddModel {

  /** Tokens that it knows. */
  public static final int VOCABULARY = 61;

  private OddModel() {}

  /** The model, to be written, in float32 unless told otherwise. */
  public static RandomCheckpoint random() {
    return RandomCheckpoint.mistral()
        .hiddenSize(28)
        .intermediateSize(31)
        .layers(2)
        .heads(6)
        .kvHeads(2)
        .headDim(10)
        .vocabSize(VOCABULARY)
        .slidingWindow(5)
        .tied(false)
        .seed(11);
  }
}
