package dev.graft.trainer.kernels;

/**
 * Noise that is drawn, not stored: element {@code i} (row · columns + column) gets lane {@code i %
 * 4} of the counter-based generator Philox4x32-10 (Salmon et al. 2011), keyed by {@code seed}, at
 * counter {@code (i / 4, place, step)}. So a resumed run and every device draw the same noise.
 *
 * @param seed the run's seed
 * @param step which micro-batch of the run, counted from 0
 * @param place which of the model's random fields; no {@link DropoutMask} may have the same
 */
public record UniformNoise(long seed, int step, int place) {

  /** The number in [-1, 1) that a lane stands for: its upper 24 bits, which a float holds. */
  public static float of(int lane) {
    return (lane >>> 8) * 0x1p-23f - 1;
  }
}
