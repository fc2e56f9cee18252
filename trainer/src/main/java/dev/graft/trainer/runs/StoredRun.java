package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.ConfigView;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * A run as its folder tells, whoever made it and whether it still goes on.
 *
 * @param folder it lies in
 * @param config what it was told to do
 * @param record what it knew of itself; absent in runs of a graft that wrote none
 * @param status how it stands now
 * @param metrics every step and evaluation
 */
public record StoredRun(
    Path folder, ConfigView config, Optional<RunRecord> record, RunStatus status, Metrics metrics) {

  /**
   * Reads a run's folder.
   *
   * @throws UserException if there is no run in it, or what there is cannot be read
   */
  public static StoredRun read(Path folder) {
    var files = RunFolder.of(folder);
    if (!isRun(folder)) {
      throw new UserException(
          folder
              + (Files.isDirectory(folder)
                  ? ": holds no run (it has no config.yaml and metrics.jsonl)"
                  : ": there is no such folder"));
    }
    try {
      Metrics metrics = Metrics.read(files.metrics());
      Optional<RunRecord> record = RunRecord.read(files.record());
      boolean running = MetricsWriter.isBeingWritten(files.metrics());
      return new StoredRun(
          folder,
          ConfigView.of(Files.readString(files.config())),
          record,
          status(record, running, hasResult(files)),
          metrics);
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(folder, AsideFile.describe(e)), e);
    }
  }

  /** Whether a folder holds a run that has begun. */
  public static boolean isRun(Path folder) {
    var files = RunFolder.of(folder);
    return Files.isRegularFile(files.config()) && Files.isRegularFile(files.metrics());
  }

  /**
   * The folders of runs in a folder, and one level below it, where sweeps have theirs; by name. A
   * folder that is a run's itself is the only one.
   *
   * @throws UserException if the folder cannot be read
   */
  public static List<Path> foldersIn(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new UserException(folder + ": there is no such folder");
    }
    if (isRun(folder)) {
      return List.of(folder);
    }
    var runs = new ArrayList<Path>();
    for (Path child : children(folder)) {
      if (isRun(child)) {
        runs.add(child);
      } else {
        children(child).stream().filter(StoredRun::isRun).forEach(runs::add);
      }
    }
    return List.copyOf(runs);
  }

  private static List<Path> children(Path folder) {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths
          .filter(Files::isDirectory)
          .filter(path -> !path.getFileName().toString().startsWith("."))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(folder, AsideFile.describe(e)), e);
    }
  }

  private static boolean hasResult(RunFolder files) {
    return Files.isDirectory(files.adapter()) || Files.isDirectory(files.model());
  }

  private static RunStatus status(Optional<RunRecord> record, boolean running, boolean hasResult) {
    if (running) {
      return RunStatus.RUNNING;
    }
    RunStatus last =
        record.map(RunRecord::status).orElse(hasResult ? RunStatus.FINISHED : RunStatus.BROKEN);
    return last == RunStatus.RUNNING ? RunStatus.BROKEN : last;
  }

  /** The files it learned from and was measured on; empty where its folder does not say. */
  public List<DataFile> dataFiles() {
    return DataFile.readAll(RunFolder.of(folder).materials());
  }

  /** Its answers to validation examples, in order; empty where none were asked for. */
  public List<Sample> samples() {
    return Samples.read(RunFolder.of(folder).samples());
  }

  /** Its name: that of its folder. */
  public String name() {
    return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
  }

  /** Optimizer steps done, as the metrics have them. */
  public int steps() {
    return metrics.steps().isEmpty() ? 0 : metrics.steps().getLast().step();
  }

  /** The lowest validation loss of the adapter, the first where several are alike. */
  public Optional<EvaluationMetrics> best() {
    return metrics.evaluations().stream()
        .filter(it -> it.step() > 0 && Double.isFinite(it.loss()))
        .min(Comparator.comparingDouble(EvaluationMetrics::loss));
  }

  /** The base model's own validation loss. */
  public Optional<EvaluationMetrics> base() {
    return metrics.evaluations().stream().filter(it -> it.step() == 0).findFirst();
  }

  /** Seconds of training and evaluating, all parts of a run that was resumed together. */
  public double seconds() {
    double steps =
        metrics.steps().stream()
            .mapToDouble(step -> step.tokens() / step.tokensPerSecond())
            .filter(Double::isFinite)
            .sum();
    double evaluations =
        metrics.evaluations().stream().mapToDouble(EvaluationMetrics::seconds).sum();
    return steps + evaluations;
  }

  /** Tokens a second over all steps: all tokens by all the time that steps took. */
  public OptionalDouble tokensPerSecond() {
    double seconds = 0;
    long tokens = 0;
    for (StepMetrics step : metrics.steps()) {
      if (step.tokensPerSecond() > 0 && Double.isFinite(step.tokensPerSecond())) {
        seconds += step.tokens() / step.tokensPerSecond();
        tokens += step.tokens();
      }
    }
    return seconds > 0 ? OptionalDouble.of(tokens / seconds) : OptionalDouble.empty();
  }
}
