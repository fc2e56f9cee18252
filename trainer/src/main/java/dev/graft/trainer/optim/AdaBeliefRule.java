package dev.graft.trainer.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * AdaBelief (Zhuang et al. 2020, algorithm 2):
 *
 * <pre>
 *   m = β₁ m + (1 - β₁) g          s = β₂ s + (1 - β₂) (g - m)² + ε
 *   u = lr · m̂ / (√ŝ + ε)          m̂ = m / (1 - β₁ᵗ)      ŝ = s / (1 - β₂ᵗ)
 * </pre>
 *
 * <p>ND4J's adds the second ε to √s instead of √ŝ, and since the first one is the same number it
 * cannot be put right from outside.
 */
final class AdaBeliefRule implements UpdateRule {

  private final OptimizerSettings settings;
  private final INDArray mean;
  private final INDArray spread;

  AdaBeliefRule(OptimizerSettings settings, long size) {
    this.settings = settings;
    this.mean = HostArrays.zeros(size);
    this.spread = HostArrays.zeros(size);
  }

  @Override
  public void apply(INDArray gradients, double learningRate, int t) {
    MemorySegment gs = HostArrays.memory(gradients);
    MemorySegment ms = HostArrays.memory(mean);
    MemorySegment ss = HostArrays.memory(spread);
    float beta1 = (float) settings.beta1();
    float beta2 = (float) settings.beta2();
    float new1 = (float) (1 - settings.beta1());
    float new2 = (float) (1 - settings.beta2());
    float epsilon = (float) settings.epsilon();
    float rate = (float) (learningRate / (1 - Math.pow(settings.beta1(), t)));
    float correction = (float) (1 / Math.sqrt(1 - Math.pow(settings.beta2(), t)));
    for (long i = 0; i < gradients.length(); i++) {
      float g = gs.getAtIndex(JAVA_FLOAT, i);
      float m = beta1 * ms.getAtIndex(JAVA_FLOAT, i) + new1 * g;
      float off = g - m;
      float s = beta2 * ss.getAtIndex(JAVA_FLOAT, i) + new2 * off * off + epsilon;
      ms.setAtIndex(JAVA_FLOAT, i, m);
      ss.setAtIndex(JAVA_FLOAT, i, s);
      float root = (float) Math.sqrt(s);
      gs.setAtIndex(JAVA_FLOAT, i, rate * m / (root * correction + epsilon));
    }
  }

  @Override
  public Map<String, INDArray> state() {
    return Map.of("m", mean, "s", spread);
  }
}
