package dev.graft.trainer.optim;

import dev.graft.trainer.model.Trainable;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Updates on the host: gradients are brought there, parameters are brought back.
 *
 * @param trained what is updated
 * @param optimizer how
 */
public record HostUpdates(Trainable trained, Optimizer optimizer) implements ParameterUpdates {

  @Override
  public double clip(double maxNorm) {
    trained.collectGradients();
    return GradientClipping.clip(trained.gradients(), maxNorm);
  }

  @Override
  public void apply(double learningRate, int updates) {
    optimizer.step(trained.parameters(), trained.gradients(), learningRate, updates);
    trained.refresh();
  }

  /** Nothing: everything is here. */
  @Override
  public void collect() {}

  @Override
  public void restored() {
    trained.refresh();
  }

  @Override
  public Map<String, INDArray> state() {
    return optimizer.state();
  }
}
