package dev.graft.trainer.optim;

import dev.graft.trainer.tensor.HostArrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
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
public final class AdamW implements Optimizer {

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

  /** Both moments, {@code m} and {@code v}, one number for each parameter. */
  @Override
  public Map<String, INDArray> state() {
    long size = state.length() / 2;
    var named = new LinkedHashMap<String, INDArray>();
    named.put("m", state.get(NDArrayIndex.interval(0, size)));
    named.put("v", state.get(NDArrayIndex.interval(size, 2 * size)));
    return Collections.unmodifiableMap(named);
  }

  /**
   * One update.
   *
   * @param gradients turned into the update in place
   * @param updates t - 1
   */
  @Override
  public void step(INDArray parameters, INDArray gradients, double learningRate, int updates) {
    settings.setLearningRate(learningRate);
    settings.setEpsilon(EPSILON * Math.sqrt(1 - Math.pow(BETA2, updates + 1)));
    INDArray update = gradients.reshape('c', 1, gradients.length());
    INDArray row = parameters.reshape('c', 1, parameters.length());
    updater.applyUpdater(update, updates, 0);
    if (learningRate == 0) {
      return;
    }
    if (weightDecay > 0) {
      new WeightDecay(weightDecay, true).apply(row, update, learningRate, updates, 0);
    }
    row.subi(update);
  }
}
