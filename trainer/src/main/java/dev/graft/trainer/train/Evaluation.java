package dev.graft.trainer.train;

import dev.graft.trainer.console.Console;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.StopSignal;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Measures an adapter while it is trained.
 *
 * @param validation micro-batches; empty where nothing is measured
 * @param samples what is answered at every evaluation; absent where nothing is
 */
record Evaluation(
    Trainer trainer,
    List<TokenBatch> validation,
    Optional<ValidationSamples> samples,
    RunPlan plan,
    RunLogs logs,
    Console console,
    StopSignal stop) {

  /**
   * The state with its validation loss, which is written and said; the same state where there is no
   * validation, or somebody wants to stop.
   */
  RunState of(RunState state) {
    if (validation.isEmpty()) {
      return state;
    }
    long start = System.nanoTime();
    OptionalDouble loss = trainer.evaluate(validation, stop::requested);
    if (loss.isEmpty()) {
      return state;
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (samples.isPresent()
        && !samples
            .get()
            .write(state.step(), plan.epoch(state.step()), logs::sample, stop::requested)) {
      return state;
    }
    long targets = validation.stream().mapToLong(TokenBatch::targetTokens).sum();
    EvaluationMetrics measured =
        new EvaluationMetrics(
            state.step(), plan.epoch(state.step()), loss.getAsDouble(), targets, seconds);
    logs.evaluation(measured);
    RunState scored = state.scored(loss.getAsDouble(), seconds);
    console.say(
        String.format(
            Locale.ROOT,
            "step %d  validation loss %.4f  perplexity %.2f%s",
            state.step(),
            measured.loss(),
            measured.perplexity(),
            scored.hasBest() ? "  (best)" : ""));
    return scored;
  }
}
