package dev.graft.trainer.config;

/** How {@link Schedule#WSD} goes down in the end; x is the share of the decay that is done. */
public enum DecayShape {
  /** 1 - x. */
  LINEAR,
  /** Half a cosine. */
  COSINE,
  /** 1 - sqrt(x) (Hägele et al. 2024). */
  ONE_MINUS_SQRT
}
