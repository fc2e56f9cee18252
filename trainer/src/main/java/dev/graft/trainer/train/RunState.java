package dev.graft.trainer.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Where a run stands, beside its adapter and its optimizer's memory. All randomness (order, masks,
 * initialisation) is a function of seed and place, so there is no generator whose state would have
 * to be kept; the learning rate is a function of the step.
 *
 * @param step optimizer steps done, skipped ones included
 * @param updates steps that changed the parameters: the optimizer's own count
 * @param skippedInARow steps without an update just before this one
 * @param seconds of training, all parts of a run that was resumed together
 * @param scores every evaluation so far, in order
 * @param trend of the training loss
 */
record RunState(
    int step, int updates, int skippedInARow, double seconds, List<Score> scores, LossTrend trend) {

  static final RunState START = new RunState(0, 0, 0, 0, List.of(), LossTrend.NONE);

  /**
   * An evaluation.
   *
   * @param step how many optimizer steps came before; 0 for the base model's own
   * @param loss on the validation examples, in nats a token
   */
  record Score(int step, double loss) {}

  RunState {
    scores = List.copyOf(scores);
  }

  /** After one more step. */
  RunState after(Trainer.Outcome outcome, double seconds) {
    return outcome.isAcceptable()
        ? new RunState(
            step + 1,
            outcome.updated() ? updates + 1 : updates,
            0,
            this.seconds + seconds,
            scores,
            outcome.updated() ? trend.plus(outcome.loss()) : trend)
        : new RunState(step + 1, updates, skippedInARow + 1, this.seconds + seconds, scores, trend);
  }

  /** With the loss of an evaluation made now. */
  RunState scored(double loss, double seconds) {
    List<Score> more = new ArrayList<>(scores);
    more.add(new Score(step, loss));
    return new RunState(step, updates, skippedInARow, this.seconds + seconds, more, trend);
  }

  /** Whether this step has been evaluated. */
  boolean hasScore() {
    return !scores.isEmpty() && scores.getLast().step == step;
  }

  /** The adapter with the lowest loss, the first where several are alike. */
  Optional<Score> best() {
    return scores.stream()
        .filter(score -> score.step > 0 && Double.isFinite(score.loss))
        .min(Comparator.comparingDouble(Score::loss));
  }

  /** Whether the evaluation made now is the best so far. */
  boolean hasBest() {
    return hasScore() && best().filter(score -> score.step == step).isPresent();
  }

  /** The loss of an evaluation, if there was one. */
  OptionalDouble lossAt(int step) {
    return scores.stream().filter(score -> score.step == step).mapToDouble(Score::loss).findFirst();
  }
}
