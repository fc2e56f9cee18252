package dev.graft.trainer.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Lion (Chen et al. 2023, algorithm 2), which ND4J does not have:
 *
 * <pre>
 *   u = lr · sign(β₁ m + (1 - β₁) g)          m = β₂ m + (1 - β₂) g
 * </pre>
 */
final class LionRule implements UpdateRule {

  private final float beta1;
  private final float beta2;
  private final float new1;
  private final float new2;
  private final INDArray momentum;

  LionRule(OptimizerSettings settings, long size) {
    this.beta1 = (float) settings.beta1();
    this.beta2 = (float) settings.beta2();
    this.new1 = (float) (1 - settings.beta1());
    this.new2 = (float) (1 - settings.beta2());
    this.momentum = HostArrays.zeros(size);
  }

  @Override
  public void apply(INDArray gradients, double learningRate, int t) {
    MemorySegment gs = HostArrays.memory(gradients);
    MemorySegment ms = HostArrays.memory(momentum);
    float rate = (float) learningRate;
    for (long i = 0; i < gradients.length(); i++) {
      float g = gs.getAtIndex(JAVA_FLOAT, i);
      float m = ms.getAtIndex(JAVA_FLOAT, i);
      gs.setAtIndex(JAVA_FLOAT, i, rate * Math.signum(beta1 * m + new1 * g));
      ms.setAtIndex(JAVA_FLOAT, i, beta2 * m + new2 * g);
    }
  }

  @Override
  public Map<String, INDArray> state() {
    return Map.of("m", momentum);
  }
}
