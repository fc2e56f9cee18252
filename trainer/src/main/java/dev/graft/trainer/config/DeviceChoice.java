package dev.graft.trainer.config;

/** Where the run computes. */
public enum DeviceChoice {
  /** The best device found. */
  AUTO,
  CPU,
  CUDA
}
