package dev.graft.trainer.config;

/** How a new adapter begins. */
public enum AdapterInit {
  /** A random, B zero (Hu et al. 2021). */
  DEFAULT,
  /** The principal components of the weights (Meng et al. 2024). */
  PISSA
}
