package dev.graft.trainer.optim;

import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.kernels.AdamWUpdate;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * AdamW where parameters and gradients are, so that neither crosses the bus between one checkpoint
 * and the next. The same update as {@link Optimizer}'s, to the rounding of single operations.
 */
public final class DeviceAdamW implements ParameterUpdates {

  private final Kernels kernels;
  private final Trainable trained;
  private final OptimizerSettings settings;
  private final List<OptimizerPart> parts;
  private final INDArray mean;
  private final INDArray square;
  private final Tensor parameters;
  private final Tensor gradients;
  private final Tensor deviceMean;
  private final Tensor deviceSquare;
  private double factor = 1;

  /**
   * @param plusRatio learning rate of LoRA's B by that of all else
   */
  public DeviceAdamW(
      Kernels kernels, Trainable trained, OptimizerSettings settings, double plusRatio) {
    this.kernels = kernels;
    this.trained = trained;
    this.settings = settings;
    this.parts = OptimizerPart.of(trained.groups(), settings.weightDecay(), plusRatio);
    this.mean = HostArrays.zeros(trained.size());
    this.square = HostArrays.zeros(trained.size());
    this.parameters = kernels.parameter(HostArrays.asRow(trained.parameters()));
    this.gradients = kernels.parameter(HostArrays.asRow(trained.gradients()));
    this.deviceMean = kernels.parameter(HostArrays.asRow(mean));
    this.deviceSquare = kernels.parameter(HostArrays.asRow(square));
  }

  /**
   * Whether a run's updates can be made so: where the kernels do, and nothing but the optimizer
   * computes with the parameters on the host.
   */
  public static boolean serves(Kernels kernels, Trainable trained, OptimizerSettings settings) {
    return kernels.updatesParameters()
        && settings.kind() == OptimizerKind.ADAMW
        && trained.constants().isEmpty();
  }

  @Override
  public double clip(double maxNorm) {
    double norm = Math.sqrt(kernels.sumOfSquares(gradients));
    factor = GradientClipping.factor(norm, maxNorm);
    return norm;
  }

  @Override
  public void apply(double learningRate, int updates) {
    int t = updates + 1;
    for (OptimizerPart part : parts) {
      AdamWUpdate update =
          new AdamWUpdate(
              (float) factor,
              (float) settings.beta1(),
              (float) settings.beta2(),
              (float) learningRate,
              (float) settings.epsilon(),
              (float) part.weightDecay(),
              (float) (1 - Math.pow(settings.beta1(), t)),
              (float) (1 - Math.pow(settings.beta2(), t)),
              (float) part.factor());
      kernels.adamW(
          part.of(parameters),
          part.of(gradients),
          part.of(deviceMean),
          part.of(deviceSquare),
          update);
    }
    trained.refreshCopies();
  }

  @Override
  public void collect() {
    kernels.pull(parameters);
    kernels.pull(deviceMean);
    kernels.pull(deviceSquare);
  }

  @Override
  public void restored() {
    trained.refresh();
    kernels.push(deviceMean);
    kernels.push(deviceSquare);
  }

  @Override
  public Map<String, INDArray> state() {
    return Map.of("m", mean, "v", square);
  }
}
