package dev.graft.trainer.train;

import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.TrainingConfig;
import java.util.OptionalInt;

/**
 * How long a run is and when it is measured and saved. Steps count from 1 here.
 *
 * @param stepsPerEpoch optimizer steps in one pass over the data
 * @param totalSteps of the whole run
 * @param evaluateEvery steps between two evaluations
 * @param checkpointEvery steps between two checkpoints; 0 for none before the end
 */
record RunPlan(int stepsPerEpoch, int totalSteps, int evaluateEvery, int checkpointEvery) {

  static RunPlan of(RunConfig config, int stepsPerEpoch) {
    TrainingConfig training = config.training();
    double byEpochs = Math.ceil(training.epochs().orElse(Double.MAX_VALUE) * stepsPerEpoch);
    double total = Math.min(byEpochs, training.maxSteps().orElse(Integer.MAX_VALUE));
    OptionalInt every = config.evaluation().every();
    return new RunPlan(
        stepsPerEpoch, (int) total, every.orElse(stepsPerEpoch), config.checkpoint().every());
  }

  boolean isLast(int step) {
    return step == totalSteps;
  }

  /** Whether there is an evaluation; after step 0 it is the base model's own. */
  boolean evaluatesAfter(int step) {
    return step % evaluateEvery == 0 || isLast(step);
  }

  boolean savesAfter(int step) {
    return step > 0 && checkpointEvery > 0 && step % checkpointEvery == 0;
  }

  /** How often the data has been gone through after a step. */
  double epoch(int step) {
    return step / (double) stepsPerEpoch;
  }
}
