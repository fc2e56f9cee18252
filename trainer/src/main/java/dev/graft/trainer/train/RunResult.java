package dev.graft.trainer.train;

import java.nio.file.Path;
import java.util.OptionalDouble;

/**
 * What came of a run.
 *
 * @param result the folder of the PEFT adapter, or of the checkpoint of a full fine-tuning
 * @param resultStep the step after which what was trained was as it is in there
 * @param steps optimizer steps done
 * @param totalSteps how many it would have been
 * @param ending why it ended
 * @param baseLoss validation loss before the first step, in nats a token
 * @param finalLoss validation loss of the result, in nats a token; absent where it was not measured
 */
public record RunResult(
    Path result,
    int resultStep,
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
