package dev.graft.trainer.config;

/** How the learning rate goes on after the warmup (Hugging Face's definitions). */
public enum Schedule {
  CONSTANT,
  /** Straight down to 0 at the last step. */
  LINEAR,
  /** Half a cosine down to 0 at the last step. */
  COSINE
}
