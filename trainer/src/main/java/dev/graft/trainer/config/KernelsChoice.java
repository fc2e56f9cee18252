package dev.graft.trainer.config;

/** Which implementation of the model's operations computes. */
public enum KernelsChoice {
  /** The fastest one for the device. */
  AUTO,
  /** Plain ND4J operations: slow, the definition that the others are tested against. */
  REFERENCE
}
