package dev.graft.trainer.model;

/**
 * The dropout on the adapters' inputs during one micro-batch. The members of a {@link
 * ProjectionGroup} share a mask, since they share the input.
 *
 * @param rate probability of dropping an element; 0 switches dropout off
 * @param seed the run's seed
 * @param microBatch which micro-batch of the run, counted from 0
 */
public record Dropout(float rate, long seed, int microBatch) {

  /** No dropout: evaluation and generation. */
  public static final Dropout OFF = new Dropout(0, 0, 0);
}
