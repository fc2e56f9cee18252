package dev.graft.trainer.config;

/** What of a model is trained. */
public enum Method {
  /** A low-rank adapter beside the frozen base. */
  LORA,
  /** Every weight. */
  FULL
}
