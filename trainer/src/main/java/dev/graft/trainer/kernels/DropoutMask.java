package dev.graft.trainer.kernels;

/**
 * A dropout mask that is drawn, not stored: element {@code i} (row · columns + column) is kept when
 * the counter-based generator Philox4x32-10 (Salmon et al. 2011), keyed by {@code seed}, counter
 * {@code (i / 4, place, step)}, gives lane {@code i % 4} a value at or above {@code rate · 2^32},
 * unsigned. So a resumed run, a recomputed layer and every device draw the same mask.
 *
 * @param rate probability of dropping an element, in [0, 1)
 * @param seed the run's seed
 * @param step which micro-batch of the run, counted from 0
 * @param place which of the model's dropouts
 */
public record DropoutMask(float rate, long seed, int step, int place) {

  public DropoutMask {
    if (!(rate >= 0 && rate < 1)) {
      throw new IllegalArgumentException("dropout rate " + rate);
    }
  }

  /** What kept elements are multiplied with, so that the expectation is unchanged. */
  public float keepScale() {
    return 1 / (1 - rate);
  }
}
