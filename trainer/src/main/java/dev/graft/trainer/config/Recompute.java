package dev.graft.trainer.config;

/** What the backward computes again rather than keep from the forward. */
public enum Recompute {
  /** Nothing: every layer keeps its activations. */
  NONE,
  /**
   * Layers: each keeps its input only, and the layers share the rest (Chen et al. 2016). Results
   * are the same bits.
   */
  LAYERS
}
