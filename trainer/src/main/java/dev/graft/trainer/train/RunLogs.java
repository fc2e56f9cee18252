package dev.graft.trainer.train;

import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.MetricsWriter;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.SamplesWriter;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.tensorboard.TensorBoard;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The files of a run that only grow.
 *
 * @param samples absent where none were asked for
 * @param tensorboard likewise
 */
record RunLogs(
    MetricsWriter metrics, Optional<SamplesWriter> samples, Optional<TensorBoard> tensorboard)
    implements AutoCloseable {

  static RunLogs open(RunFolder folder, RunConfig config) {
    MetricsWriter metrics = MetricsWriter.open(folder.metrics());
    try {
      return new RunLogs(
          metrics,
          config.evaluation().samples() > 0
              ? Optional.of(SamplesWriter.open(folder.samples()))
              : Optional.empty(),
          config.logging().tensorboard()
              ? Optional.of(new TensorBoard(folder.tensorboard()))
              : Optional.empty());
    } catch (RuntimeException e) {
      metrics.close();
      throw e;
    }
  }

  /** Cuts off what was written after a checkpoint: the run will write it again. */
  void cutTo(Optional<Resumption> resumption, Console console) {
    long metricsBytes = resumption.map(from -> from.saved().metricsBytes()).orElse(0L);
    if (!metrics.cut(metricsBytes)) {
      console.warn(
          "metrics.jsonl has fewer lines than the run wrote; those that are missing stay so");
    }
    long samplesBytes = resumption.map(from -> from.saved().samplesBytes()).orElse(0L);
    samples.ifPresent(file -> file.cut(samplesBytes));
    OptionalInt after =
        resumption
            .map(from -> OptionalInt.of(from.saved().state().step()))
            .orElse(OptionalInt.empty());
    tensorboard.ifPresent(file -> file.begin(after));
  }

  /** Writes an optimizer step. */
  void step(StepMetrics step) {
    metrics.step(step);
    tensorboard.ifPresent(file -> file.step(step));
  }

  /** Writes an evaluation. */
  void evaluation(EvaluationMetrics evaluation) {
    metrics.evaluation(evaluation);
    tensorboard.ifPresent(file -> file.evaluation(evaluation));
  }

  /** Writes how an example was answered. */
  void sample(Sample sample) {
    samples.orElseThrow().add(sample);
    tensorboard.ifPresent(file -> file.sample(sample));
  }

  @Override
  public void close() {
    try (metrics) {
      try {
        tensorboard.ifPresent(TensorBoard::close);
      } finally {
        samples.ifPresent(SamplesWriter::close);
      }
    }
  }
}
