package dev.graft.modelio.djl;

import java.nio.FloatBuffer;

/** A model ready to compute. Its owner makes one call at a time. */
public interface ModelSession extends AutoCloseable {
  /**
   * The forward pass over one sequence.
   *
   * @param tokens {@code (T)} ids, each below the vocabulary's size, from the sequence's beginning
   * @param logits {@code (T, vocab)} to be filled from its position on
   */
  void logits(int[] tokens, FloatBuffer logits);

  /** Continues a text, until the model ends it or the options given at opening do. */
  String generate(String prompt);

  @Override
  void close();
}
