package dev.graft.trainer.optim;

import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.tensor.HostArrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.AMSGradUpdater;
import org.nd4j.linalg.learning.AdamUpdater;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.RmsPropUpdater;
import org.nd4j.linalg.learning.SgdUpdater;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * The rules that ND4J's updaters compute as papers and PyTorch define them, once a few things are
 * put right. Its Nadam (whose second moment lacks the correction of its bias), its AdaBelief (ε in
 * the wrong place) and its Nesterovs (whose velocity contains the learning rates of the steps
 * before) cannot be, so there are {@link NadamRule}, {@link AdaBeliefRule} and {@link
 * MomentumRule}.
 */
final class Nd4jRule implements UpdateRule {

  /** Tells the updater the ε of an update, counted from 1. */
  private interface EpsilonAt {
    void set(int t);
  }

  private final GradientUpdater<?> updater;
  private final IUpdater settings;
  private final EpsilonAt epsilon;
  private final Map<String, INDArray> state;

  private Nd4jRule(
      GradientUpdater<?> updater,
      IUpdater settings,
      EpsilonAt epsilon,
      Map<String, INDArray> state) {
    this.updater = updater;
    this.settings = settings;
    this.epsilon = epsilon;
    this.state = state;
  }

  /**
   * Adam (Kingma and Ba 2015, algorithm 1):
   *
   * <pre>
   *   m = β₁ m + (1 - β₁) g          v = β₂ v + (1 - β₂) g²
   *   u = lr · m̂ / (√v̂ + ε)          m̂ = m / (1 - β₁ᵗ)      v̂ = v / (1 - β₂ᵗ)
   * </pre>
   */
  static Nd4jRule adam(OptimizerSettings s, long size) {
    var settings = new Adam(0, s.beta1(), s.beta2(), s.epsilon());
    var updater = new AdamUpdater(settings);
    return new Nd4jRule(
        updater,
        settings,
        beforeTheCorrection(s, settings::setEpsilon),
        state(updater, size, "m", "v"));
  }

  /**
   * AMSGrad (Reddi et al. 2018, algorithm 2), with Adam's corrections of the bias, as PyTorch has
   * it:
   *
   * <pre>
   *   h = max(h, v)                  u = lr · m̂ / (√(h / (1 - β₂ᵗ)) + ε)
   * </pre>
   */
  static Nd4jRule amsgrad(OptimizerSettings s, long size) {
    var settings = new AMSGrad(0, s.beta1(), s.beta2(), s.epsilon());
    var updater = new AMSGradUpdater(settings);
    return new Nd4jRule(
        updater,
        settings,
        beforeTheCorrection(s, settings::setEpsilon),
        state(updater, size, "m", "v", "v_max"));
  }

  /**
   * RMSProp (Hinton 2012, lecture 6e), ε outside of the root as PyTorch has it:
   *
   * <pre>
   *   v = β₂ v + (1 - β₂) g²         u = lr · g / (√v + ε)
   * </pre>
   *
   * <p>ND4J would let v begin at ε, which at gradients around √ε would be all that is seen of the
   * first steps; here it begins at 0.
   */
  static Nd4jRule rmsProp(OptimizerSettings s, long size) {
    var settings = new RmsProp(0, s.beta2(), s.epsilon());
    var updater = new RmsPropUpdater(settings);
    return new Nd4jRule(updater, settings, _ -> {}, state(updater, size, "v"));
  }

  /** Gradient descent: u = lr · g. */
  static Nd4jRule descent() {
    var settings = new Sgd(0);
    return new Nd4jRule(new SgdUpdater(settings), settings, _ -> {}, Map.of());
  }

  /** ND4J adds ε to √v instead of √v̂. */
  private static EpsilonAt beforeTheCorrection(OptimizerSettings s, DoubleConsumer set) {
    return t -> set.accept(s.epsilon() * Math.sqrt(1 - Math.pow(s.beta2(), t)));
  }

  private static Map<String, INDArray> state(
      GradientUpdater<?> updater, long size, String... names) {
    INDArray all = HostArrays.zeros(names.length * size);
    // All begin at zero, and are not to be written again: that would touch memory before its time.
    updater.setStateViewArray(all.reshape('c', 1, all.length()), new long[] {1, size}, 'c', false);
    var named = new LinkedHashMap<String, INDArray>();
    for (String name : List.of(names)) {
      long from = named.size() * size;
      named.put(name, all.get(NDArrayIndex.interval(from, from + size)));
    }
    return Collections.unmodifiableMap(named);
  }

  @Override
  public void apply(INDArray gradients, double learningRate, int t) {
    settings.setLrAndSchedule(learningRate, null);
    epsilon.set(t);
    updater.applyUpdater(gradients.reshape('c', 1, gradients.length()), t - 1, 0);
  }

  @Override
  public Map<String, INDArray> state() {
    return state;
  }
}
