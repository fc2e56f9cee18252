package dev.graft.trainer.train;

import dev.graft.trainer.config.EarlyStoppingConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.earlystopping.termination.BestScoreEpochTerminationCondition;
import org.deeplearning4j.earlystopping.termination.EpochTerminationCondition;
import org.deeplearning4j.earlystopping.termination.InvalidScoreIterationTerminationCondition;
import org.deeplearning4j.earlystopping.termination.IterationTerminationCondition;
import org.deeplearning4j.earlystopping.termination.MaxTimeIterationTerminationCondition;
import org.deeplearning4j.earlystopping.termination.ScoreImprovementEpochTerminationCondition;

/**
 * Ends a run early, by DL4J's termination conditions. What DL4J calls an epoch is an evaluation
 * here, and the score is the validation loss. The conditions remember what they have seen; a run
 * that goes on shows them its earlier evaluations again.
 */
final class EarlyStopping {

  private record OnScore(EpochTerminationCondition condition, String reason) {}

  private final List<OnScore> onScores = new ArrayList<>();
  private final IterationTerminationCondition invalid =
      new InvalidScoreIterationTerminationCondition();
  private final Optional<IterationTerminationCondition> time;
  private final String timeReason;
  private int evaluations;
  private Optional<String> reason = Optional.empty();

  /**
   * @param before where the run stands; its time is spent already
   */
  EarlyStopping(EarlyStoppingConfig config, RunState before) {
    config
        .patience()
        .ifPresent(patience ->
            onScores.add(
                new OnScore(
                    new ScoreImprovementEpochTerminationCondition(
                        patience, config.minImprovement()),
                    "the validation loss has not become better in %d evaluations"
                        .formatted(patience))));
    config
        .targetLoss()
        .ifPresent(target ->
            onScores.add(
                new OnScore(
                    new BestScoreEpochTerminationCondition(target),
                    String.format(
                        Locale.ROOT, "the validation loss is below %s, its target", target))));
    time =
        config.maxMinutes().isPresent()
            ? Optional.of(timeLeft(config.maxMinutes().getAsDouble(), before.seconds()))
            : Optional.empty();
    timeReason = "it has trained for %s minutes".formatted(config.maxMinutes().orElse(0));
    onScores.forEach(each -> each.condition.initialize());
    time.ifPresent(IterationTerminationCondition::initialize);
    before.scores().forEach(this::see);
  }

  private static IterationTerminationCondition timeLeft(double minutes, double spent) {
    long millis = Math.round(minutes * 60_000 - spent * 1000);
    return new MaxTimeIterationTerminationCondition(Math.max(1, millis), TimeUnit.MILLISECONDS);
  }

  /** Shows the evaluation made now, if there is one, to the conditions. */
  void see(RunState state) {
    if (state.hasScore()) {
      see(state.scores().getLast());
    }
  }

  /** The base model's own evaluation does not count. */
  private void see(RunState.Score score) {
    if (score.step() == 0) {
      return;
    }
    if (invalid.terminate(score.loss())) {
      reason = Optional.of("the validation loss is %s".formatted(score.loss()));
      return;
    }
    for (OnScore each : onScores) {
      if (each.condition.terminate(evaluations, score.loss(), true)) {
        reason = Optional.of(each.reason);
      }
    }
    evaluations++;
  }

  /** Why the run should end now, if it should. */
  Optional<String> reason() {
    return reason.isEmpty() && time.isPresent() && time.get().terminate(0)
        ? Optional.of(timeReason)
        : reason;
  }
}
