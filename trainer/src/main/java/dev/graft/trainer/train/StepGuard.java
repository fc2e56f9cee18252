package dev.graft.trainer.train;

import dev.graft.trainer.config.BadStep;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.data.StepBatch;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Decides what becomes of a step that would do harm, and says which rows it learned from. */
record StepGuard(RunConfig config, TrainingData data) {

  /** So many in a row are no accident of the data. */
  private static final int MOST_SKIPPED = 10;

  /** The highest loss that is no spike. */
  double limit(RunState state) {
    return config.training().spikeThreshold().isPresent()
        ? state.trend().limit(config.training().spikeThreshold().getAsDouble())
        : Double.POSITIVE_INFINITY;
  }

  /** Whether a step that is not acceptable may be left out. */
  boolean skips(RunState state) {
    return config.training().onBadStep() == BadStep.SKIP && state.skippedInARow() < MOST_SKIPPED;
  }

  /** What to say of a step that was skipped. */
  String skipped(int step, Trainer.Outcome outcome, StepBatch batch) {
    return "step %d was skipped: %s. Its rows: %s".formatted(step, problem(outcome), rows(batch));
  }

  /** What to say where the run ends. */
  UserException stopped(int step, Trainer.Outcome outcome, StepBatch batch) {
    boolean skips = config.training().onBadStep() == BadStep.SKIP;
    String what =
        "step %d: %s%s, so the run ended before this update%s. Its rows: %s."
            .formatted(
                step,
                problem(outcome),
                skips ? ", as in the %d steps before".formatted(MOST_SKIPPED) : "",
                step > 1 ? "; the steps before it are saved" : "",
                rows(batch));
    String lower = "training.learning-rate (now %s)".formatted(config.training().learningRate());
    if (skips) {
      return new UserException(
          what + " So many in a row are not the data's fault: start again with a lower " + lower);
    }
    String goOn =
        step > 1
            ? "To go on without this step: ./graft train %s --resume --set training.on-bad-step=skip"
                .formatted(config.output())
            : "To begin without this step: --set training.on-bad-step=skip";
    return new UserException(what + " " + goOn + ". If it comes again: a lower " + lower);
  }

  private static String problem(Trainer.Outcome outcome) {
    return outcome.isFinite()
        ? String.format(
            Locale.ROOT,
            "the loss of %.4f is a spike (above %.4f, by training.spike-threshold)",
            outcome.loss(),
            outcome.limit())
        : "loss %s and gradient norm %s are not both finite numbers"
            .formatted(outcome.loss(), outcome.gradNorm());
  }

  private String rows(StepBatch batch) {
    List<Integer> examples = batch.examples();
    return examples.stream()
        .map(i -> data.train().get(i).origin().toString())
        .collect(Collectors.joining(", "));
  }
}
