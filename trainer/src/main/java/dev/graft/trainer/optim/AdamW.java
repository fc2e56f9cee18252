package dev.graft.trainer.optim;

import dev.graft.trainer.tensor.HostArrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.AdamUpdater;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2) as torch.optim.AdamW computes it, driven by
 * ND4J's updater:
 *
 * <pre>
 *   m = β₁ m + (1 - β₁) g          v = β₂ v + (1 - β₂) g²
 *   p = p - lr · λ · p - lr · m̂ / (sqrt(v̂) + ε)      m̂ = m / (1 - β₁ᵗ)      v̂ = v / (1 - β₂ᵗ)
 * </pre>
 *
 * Two things differ in ND4J's own Adam and are put right here. It adds ε to sqrt(v) instead of
 * sqrt(v̂), so the ε handed to it is {@code ε · sqrt(1 - β₂ᵗ)}. And at a learning rate of exactly
 * 0, which is what warmup begins with, it takes ε for the learning rate; then only the moments are
 * advanced and the parameters left alone.
 */
public final class AdamW {

  /** torch's defaults. */
  public static final double BETA1 = 0.9;

  public static final double BETA2 = 0.999;
  public static final double EPSILON = 1e-8;

  private final double weightDecay;
  private final INDArray state;
  private final Adam settings = new Adam(0, BETA1, BETA2, EPSILON);
  private final AdamUpdater updater = new AdamUpdater(settings);

  /**
   * @param size number of parameters
   * @param weightDecay λ
   */
  public AdamW(long size, double weightDecay) {
    this.weightDecay = weightDecay;
    this.state = HostArrays.zeros(2 * size);
    updater.setStateViewArray(state.reshape('c', 1, 2 * size), new long[] {1, size}, 'c', true);
  }

  /** Both moments in one float32 vector: all of m, then all of v. */
  public INDArray state() {
    return state;
  }

  /**
   * One step.
   *
   * @param parameters changed in place
   * @param gradients turned into the update in place
   * @param step t - 1: how many steps came before, from 0
   */
  public void step(INDArray parameters, INDArray gradients, double learningRate, int step) {
    settings.setLearningRate(learningRate);
    settings.setEpsilon(EPSILON * Math.sqrt(1 - Math.pow(BETA2, step + 1)));
    INDArray update = gradients.reshape('c', 1, gradients.length());
    INDArray row = parameters.reshape('c', 1, parameters.length());
    updater.applyUpdater(update, step, 0);
    if (learningRate == 0) {
      return;
    }
    if (weightDecay > 0) {
      new WeightDecay(weightDecay, true).apply(row, update, learningRate, step, 0);
    }
    row.subi(update);
  }
}
