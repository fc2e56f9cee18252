package dev.graft.trainer.sweep;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.ConfigDifferences;
import dev.graft.trainer.config.ConfigDifferences.Difference;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.Metrics;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.sweep.SweepRecord.Measure;
import dev.graft.trainer.sweep.SweepRecord.Run;
import dev.graft.trainer.sweep.SweepRecord.Status;
import dev.graft.trainer.train.Ending;
import dev.graft.trainer.train.LoraFinetuning;
import dev.graft.trainer.train.RunResult;
import dev.graft.trainer.train.RunStart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * Trains every point of a {@link Grid}, one after another, each in a folder of its own. What was
 * broken off goes on: finished runs are left as they are, unfinished ones resume, failed ones are
 * tried again.
 *
 * @param configFile what all runs share
 * @param folder of the sweep
 * @param trials the runs, in the order of the grid
 */
public record Sweep(Path configFile, Path folder, Grid grid, List<Trial> trials) {

  /** The training loss of a run is the mean of so many steps, since that of one is an accident. */
  private static final int LAST_STEPS = 10;

  /**
   * A run that the sweep asks for.
   *
   * @param config resolved and checked
   */
  public record Trial(Grid.Point point, RunConfig config) {

    /** Where what is trained will be. */
    public Path result() {
      return config.output().resolve(config.method() == Method.FULL ? "model" : "adapter");
    }
  }

  /**
   * Reads and checks the configurations of all runs; nothing is written.
   *
   * @param folder absent for the configuration's output with {@code -sweep} behind it
   * @throws UserException if one of them is not fit to run, or the folder holds something else
   */
  public static Sweep plan(Path configFile, Grid grid, Optional<Path> folder) {
    Path place = folder.orElseGet(() -> defaultFolder(configFile, grid));
    if (Files.isRegularFile(place.resolve("metrics.jsonl"))) {
      throw new UserException(
          place + ": holds a run, and a sweep needs a folder of its own; give another --output");
    }
    List<Trial> trials = new ArrayList<>();
    for (Grid.Point point : grid.points()) {
      List<String> overrides = new ArrayList<>(point.overrides());
      overrides.add("output=" + place.resolve(point.name()));
      trials.add(new Trial(point, ConfigReader.read(configFile, overrides)));
    }
    return new Sweep(configFile, place, grid, List.copyOf(trials));
  }

  private static Path defaultFolder(Path configFile, Grid grid) {
    List<String> first = grid.points().getFirst().overrides();
    Path output = ConfigReader.read(configFile, first).output();
    return output.resolveSibling(output.getFileName() + "-sweep");
  }

  /** What the runs will be compared by. */
  public Measure measure() {
    return trials.stream().allMatch(trial -> trial.config().data().hasValidation())
        ? Measure.VALIDATION_LOSS
        : Measure.TRAINING_LOSS;
  }

  /**
   * Runs all that is not finished, until somebody asks to stop.
   *
   * @param stop looked at after every step
   * @return how the runs stand
   */
  public SweepRecord run(Console console, StopSignal stop) {
    SweepRecord record = goOn(console);
    for (int i = 0; i < trials.size() && !stop.requested(); i++) {
      Trial trial = trials.get(i);
      Run before = record.runs().get(i);
      if (before.status() == Status.FINISHED) {
        console.say("sweep    %s: is finished".formatted(describe(i)));
        continue;
      }
      console.say("");
      console.say("sweep    %s".formatted(describe(i)));
      record = record.with(i, before.with(Status.RUNNING, 0, ""));
      record.write(folder);
      record = record.with(i, train(trial, before, record.rankedBy(), console, stop));
      record.write(folder);
    }
    return record;
  }

  private String describe(int i) {
    String settings = String.join("  ", trials.get(i).point().overrides());
    return "run %d of %d: %s".formatted(i + 1, trials.size(), settings);
  }

  /** The record to begin with: what an earlier part of this sweep has finished counts. */
  private SweepRecord goOn(Console console) {
    Map<String, List<String>> axes =
        grid.axes().stream()
            .collect(Collectors.toMap(Axis::key, Axis::values, (a, _) -> a, LinkedHashMap::new));
    trials.forEach(this::refuseAnotherRun);
    Optional<SweepRecord> earlier = SweepRecord.read(folder);
    boolean comparable = earlier.filter(record -> record.rankedBy() == measure()).isPresent();
    List<Run> runs = new ArrayList<>();
    for (Trial trial : trials) {
      Run run =
          earlier
              .flatMap(record -> record.find(trial.point()))
              .orElseGet(() -> Run.waiting(trial.point()));
      boolean stays = run.status() != Status.FINISHED || (comparable && isAsConfigured(trial));
      runs.add(stays ? run : run.with(Status.WAITING, 0, ""));
    }
    if (earlier.isPresent()) {
      long finished = runs.stream().filter(run -> run.status() == Status.FINISHED).count();
      console.say("sweep    goes on: %d of %d runs are finished".formatted(finished, runs.size()));
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UserException("%s: cannot be made: %s".formatted(folder, AsideFile.describe(e)), e);
    }
    return new SweepRecord(
        SweepRecord.VERSION, configFile.toString(), axes, measure(), List.copyOf(runs));
  }

  /**
   * A run that differs from the one in its folder would fail; better now than one after another.
   */
  private void refuseAnotherRun(Trial trial) {
    List<String> reasons =
        differences(trial).orElse(List.of()).stream()
            .filter(difference -> !difference.mayChange())
            .map(Difference::toString)
            .toList();
    if (!reasons.isEmpty()) {
      throw new UserException(
          "%s: holds another run than this sweep's: %s. Put that back, or give another --output."
              .formatted(trial.config().output(), String.join("; ", reasons)));
    }
  }

  /** Whether a finished run is the one that is asked for now, so that nothing is left to do. */
  private static boolean isAsConfigured(Trial trial) {
    return Files.isDirectory(trial.result())
        && differences(trial).filter(List::isEmpty).isPresent();
  }

  /** What is not as it was when the run in a trial's folder began; empty where none did. */
  private static Optional<List<Difference>> differences(Trial trial) {
    Path file = trial.config().output().resolve("config.yaml");
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          ConfigDifferences.between(Files.readString(file), file.toString(), trial.config()));
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(file, AsideFile.describe(e)), e);
    }
  }

  /** Trains or goes on; a run that fails is no reason to leave out the others. */
  private static Run train(
      Trial trial, Run before, Measure measure, Console console, StopSignal stop) {
    long start = System.nanoTime();
    try {
      RunStart how = RunFolder.holdsRun(trial.config().output()) ? RunStart.RESUME : RunStart.NEW;
      RunResult result = LoraFinetuning.run(trial.config(), how, console, stop);
      return after(trial, before, result, measure, seconds(start));
    } catch (RuntimeException e) {
      String message = Objects.requireNonNullElse(e.getMessage(), e.toString());
      console.warn("%s failed: %s".formatted(trial.point().name(), message));
      return before.with(Status.FAILED, seconds(start), message);
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static Run after(
      Trial trial, Run before, RunResult result, Measure measure, double seconds) {
    Metrics metrics = Metrics.read(trial.config().output().resolve("metrics.jsonl"));
    OptionalDouble loss = OptionalDouble.empty();
    int lossStep = result.steps();
    if (measure == Measure.TRAINING_LOSS) {
      loss = lastLoss(metrics);
    } else {
      Optional<EvaluationMetrics> best =
          metrics.evaluations().stream()
              .filter(it -> it.step() > 0 && Double.isFinite(it.loss()))
              .min(Comparator.comparingDouble(EvaluationMetrics::loss));
      if (best.isPresent()) {
        loss = OptionalDouble.of(best.get().loss());
        lossStep = best.get().step();
      }
    }
    return new Run(
        before.name(),
        before.settings(),
        result.stopped() ? Status.STOPPED : Status.FINISHED,
        loss,
        lossStep,
        result.steps(),
        result.totalSteps(),
        before.seconds() + seconds,
        result.ending() instanceof Ending.Early early ? early.reason() : "");
  }

  private static OptionalDouble lastLoss(Metrics metrics) {
    List<StepMetrics> steps = metrics.steps();
    return steps.subList(Math.max(0, steps.size() - LAST_STEPS), steps.size()).stream()
        .filter(step -> !step.skipped() && Double.isFinite(step.loss()))
        .mapToDouble(StepMetrics::loss)
        .average();
  }
}
