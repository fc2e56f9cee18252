package dev.graft.trainer.config;

/** How the learning rate goes on after the warmup (Hugging Face's definitions). */
public enum Schedule {
  CONSTANT,
  /** Straight down to the floor at the last step. */
  LINEAR,
  /** Half a cosine down to the floor at the last step. */
  COSINE,
  /** Several such halves, each from the peak (Loshchilov and Hutter 2017, with equal periods). */
  COSINE_RESTARTS,
  /** A power of the share of steps that is left. */
  POLYNOMIAL,
  /** Warmup, stable, decay: the peak until a last share of the steps (Hu et al. 2024, MiniCPM). */
  WSD
}
