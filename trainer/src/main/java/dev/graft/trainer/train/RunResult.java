package dev.graft.trainer.train;

import java.nio.file.Path;
import java.util.OptionalDouble;

/**
 * What came of a run.
 *
 * @param adapter the PEFT folder
 * @param adapterStep the step after which the adapter was as it is in there
 * @param steps optimizer steps done
 * @param totalSteps how many it would have been
 * @param ending why it ended
 * @param baseLoss validation loss before the first step, in nats a token
 * @param finalLoss validation loss of the adapter, in nats a token; absent where it was not
 *     measured
 */
public record RunResult(
    Path adapter,
    int adapterStep,
    int steps,
    int totalSteps,
    Ending ending,
    OptionalDouble baseLoss,
    OptionalDouble finalLoss) {

  /** Whether somebody asked the run to stop before its end. */
  public boolean stopped() {
    return ending instanceof Ending.Stopped;
  }
}
