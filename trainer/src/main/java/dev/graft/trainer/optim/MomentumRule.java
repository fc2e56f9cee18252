package dev.graft.trainer.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Gradient descent with momentum as PyTorch has it (Sutskever et al. 2013, but for the learning
 * rate, which is not part of the velocity, so that a schedule acts at once):
 *
 * <pre>
 *   v = μ v + g          u = lr · v          with Nesterov's: u = lr · (g + μ v)
 * </pre>
 */
final class MomentumRule implements UpdateRule {

  private final float momentum;
  private final boolean nesterov;
  private final INDArray velocity;

  MomentumRule(OptimizerSettings settings, long size) {
    this.momentum = (float) settings.momentum();
    this.nesterov = settings.nesterov();
    this.velocity = HostArrays.zeros(size);
  }

  @Override
  public void apply(INDArray gradients, double learningRate, int t) {
    MemorySegment gs = HostArrays.memory(gradients);
    MemorySegment vs = HostArrays.memory(velocity);
    float rate = (float) learningRate;
    for (long i = 0; i < gradients.length(); i++) {
      float g = gs.getAtIndex(JAVA_FLOAT, i);
      float v = momentum * vs.getAtIndex(JAVA_FLOAT, i) + g;
      vs.setAtIndex(JAVA_FLOAT, i, v);
      gs.setAtIndex(JAVA_FLOAT, i, rate * (nesterov ? g + momentum * v : v));
    }
  }

  @Override
  public Map<String, INDArray> state() {
    return Map.of("v", velocity);
  }
}
