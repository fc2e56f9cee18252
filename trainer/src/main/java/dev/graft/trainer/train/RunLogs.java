package dev.graft.trainer.train;

import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.MetricsWriter;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.SamplesWriter;
import java.util.Optional;

/**
 * The files of a run that only grow.
 *
 * @param samples absent where none were asked for
 */
record RunLogs(MetricsWriter metrics, Optional<SamplesWriter> samples) implements AutoCloseable {

  static RunLogs open(RunFolder folder, boolean samples) {
    MetricsWriter metrics = MetricsWriter.open(folder.metrics());
    try {
      return new RunLogs(
          metrics, samples ? Optional.of(SamplesWriter.open(folder.samples())) : Optional.empty());
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
  }

  @Override
  public void close() {
    try {
      samples.ifPresent(SamplesWriter::close);
    } finally {
      metrics.close();
    }
  }
}
