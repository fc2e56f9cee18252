package dev.graft.trainer.train;

import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.EmbeddingNoise;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.HostUpdates;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.optim.ParameterUpdates;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;

/**
 * Takes optimizer steps.
 *
 * @param pass forward and backward
 * @param trained what is trained
 * @param updates what changes it
 * @param schedule the learning rate of each step
 * @param dropout rate on the adapters' inputs, 0 for none
 * @param seed the run's seed, for dropout and noise
 * @param neftuneAlpha size of the noise on embeddings, 0 for none
 * @param maxGradNorm where gradients are clipped, 0 for nowhere
 */
public record Trainer(
    TrainingPass pass,
    Trainable trained,
    ParameterUpdates updates,
    LearningRateSchedule schedule,
    float dropout,
    float neftuneAlpha,
    long seed,
    double maxGradNorm) {

  /** Updated on the host, without noise on embeddings. */
  public Trainer(
      TrainingPass pass,
      Trainable trained,
      Optimizer optimizer,
      LearningRateSchedule schedule,
      float dropout,
      long seed,
      double maxGradNorm) {
    this(
        pass,
        trained,
        new HostUpdates(trained, optimizer),
        schedule,
        dropout,
        0,
        seed,
        maxGradNorm);
  }

  /** Micro-batches that a step can have without two of them drawing the same masks and noise. */
  private static final int MICRO_BATCHES_PER_STEP = 1 << 12;

  /**
   * What a step did.
   *
   * @param loss mean over the step's target tokens before the update, in nats
   * @param gradNorm of all gradients, before clipping
   * @param limit the highest loss with which an update is made
   * @param updated whether it was made
   */
  public record Outcome(
      double loss, double gradNorm, double learningRate, double limit, boolean updated) {

    /** Whether loss and gradients are numbers. */
    public boolean isFinite() {
      return Double.isFinite(loss) && Double.isFinite(gradNorm);
    }

    /** Whether an update would do no harm. */
    public boolean isAcceptable() {
      return isFinite() && loss <= limit;
    }
  }

  /** Step {@code step} of a run in which every step so far made an update, with any loss. */
  public Outcome step(int step, StepBatch batch) {
    return step(step, step, batch, Double.POSITIVE_INFINITY);
  }

  /**
   * One optimizer step: gradients of the mean loss over all target tokens of the batch, however it
   * is cut into micro-batches; then clipping, then the update. Where loss or gradients are not
   * finite, the loss is above a limit, or no token is a target, nothing is updated.
   *
   * @param step counted from 0
   * @param made how many of the steps before made an update
   * @param limit the highest loss with which one is made
   */
  Outcome step(int step, int made, StepBatch batch, double limit) {
    double learningRate = schedule.valueAt(step, batch.epoch());
    int targets = batch.targetTokens();
    if (targets == 0) {
      return new Outcome(0, 0, learningRate, limit, false);
    }
    trained.clearGradients();
    double loss = 0;
    List<TokenBatch> microBatches = batch.microBatches();
    for (int i = 0; i < microBatches.size(); i++) {
      int microBatch = step * MICRO_BATCHES_PER_STEP + i;
      Dropout masks = new Dropout(dropout, seed, microBatch);
      EmbeddingNoise noise = new EmbeddingNoise(neftuneAlpha, seed, microBatch);
      loss += pass.lossAndGradient(microBatches.get(i), 1f / targets, masks, noise);
    }
    double gradNorm = updates.clip(maxGradNorm);
    Outcome found = new Outcome(loss / targets, gradNorm, learningRate, limit, false);
    if (!found.isAcceptable()) {
      return found;
    }
    updates.apply(learningRate, made);
    return new Outcome(found.loss, gradNorm, learningRate, limit, true);
  }

  /** The mean loss over the target tokens of some micro-batches, in nats a token. */
  public double evaluate(List<TokenBatch> microBatches) {
    return evaluate(microBatches, () -> false).orElseThrow();
  }

  /**
   * {@link #evaluate(List)}, unless somebody wants to stop.
   *
   * @param stop asked before each micro-batch
   * @return empty where it was stopped
   */
  OptionalDouble evaluate(List<TokenBatch> microBatches, BooleanSupplier stop) {
    double loss = 0;
    long targets = 0;
    for (TokenBatch batch : microBatches) {
      if (stop.getAsBoolean()) {
        return OptionalDouble.empty();
      }
      loss += pass.loss(batch);
      targets += batch.targetTokens();
    }
    return OptionalDouble.of(loss / targets);
  }
}
