package dev.graft.trainer.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Nadam (Dozat 2016, algorithm 2 of the report), with the schedule of its momentum, as PyTorch has
 * it:
 *
 * <pre>
 *   μₜ = β₁ (1 - 0.96^(t / 250) / 2)        m = β₁ m + (1 - β₁) g       v = β₂ v + (1 - β₂) g²
 *   u = lr · (μₜ₊₁ m / (1 - μ₁…μₜ₊₁) + (1 - μₜ) g / (1 - μ₁…μₜ)) / (√(v / (1 - β₂ᵗ)) + ε)
 * </pre>
 *
 * <p>ND4J's has no correction of v's bias, so that its first steps are up to 60 times as large.
 */
final class NadamRule implements UpdateRule {

  private final OptimizerSettings settings;
  private final INDArray mean;
  private final INDArray square;
  private int productUpTo;
  private double product = 1;

  NadamRule(OptimizerSettings settings, long size) {
    this.settings = settings;
    this.mean = HostArrays.zeros(size);
    this.square = HostArrays.zeros(size);
  }

  private double momentum(int t) {
    return settings.beta1() * (1 - 0.5 * Math.pow(0.96, t / 250.0));
  }

  /** μ₁…μₜ, multiplied in this order also where a run goes on in the middle. */
  private double momentaUpTo(int t) {
    if (productUpTo > t) {
      productUpTo = 0;
      product = 1;
    }
    while (productUpTo < t) {
      product *= momentum(++productUpTo);
    }
    return product;
  }

  @Override
  public void apply(INDArray gradients, double learningRate, int t) {
    MemorySegment gs = HostArrays.memory(gradients);
    MemorySegment ms = HostArrays.memory(mean);
    MemorySegment vs = HostArrays.memory(square);
    float beta1 = (float) settings.beta1();
    float beta2 = (float) settings.beta2();
    float new1 = (float) (1 - settings.beta1());
    float new2 = (float) (1 - settings.beta2());
    float epsilon = (float) settings.epsilon();
    double so = momentaUpTo(t);
    double next = momentum(t + 1);
    float ofMean = (float) (learningRate * next / (1 - so * next));
    float ofGradient = (float) (learningRate * (1 - momentum(t)) / (1 - so));
    float correction = (float) (1 / Math.sqrt(1 - Math.pow(settings.beta2(), t)));
    for (long i = 0; i < gradients.length(); i++) {
      float g = gs.getAtIndex(JAVA_FLOAT, i);
      float m = beta1 * ms.getAtIndex(JAVA_FLOAT, i) + new1 * g;
      float v = beta2 * vs.getAtIndex(JAVA_FLOAT, i) + new2 * g * g;
      ms.setAtIndex(JAVA_FLOAT, i, m);
      vs.setAtIndex(JAVA_FLOAT, i, v);
      float root = (float) Math.sqrt(v) * correction + epsilon;
      gs.setAtIndex(JAVA_FLOAT, i, (ofMean * m + ofGradient * g) / root);
    }
  }

  @Override
  public Map<String, INDArray> state() {
    return Map.of("m", mean, "v", square);
  }
}
