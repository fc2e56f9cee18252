package dev.graft.trainer.train;

import java.nio.file.Path;
import java.util.OptionalDouble;

/**
 * What came of a run.
 *
 * @param adapter the PEFT folder
 * @param steps optimizer steps done
 * @param totalSteps how many it would have been
 * @param baseLoss validation loss before the first step, in nats a token
 * @param finalLoss validation loss of the adapter, in nats a token; absent where the run was
 *     stopped
 */
public record RunResult(
    Path adapter, int steps, int totalSteps, OptionalDouble baseLoss, OptionalDouble finalLoss) {

  /** Whether somebody asked the run to stop before its end. */
  public boolean stopped() {
    return steps < totalSteps;
  }
}
