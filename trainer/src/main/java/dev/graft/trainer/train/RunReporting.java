package dev.graft.trainer.train;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.ModelIoException;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.config.ConfigView;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.report.run.RunPage;
import dev.graft.trainer.runs.DataFile;
import dev.graft.trainer.runs.Metrics;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.RunStatus;
import dev.graft.trainer.runs.StoredRun;
import dev.graft.trainer.runtime.Machine;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Keeps {@code run.json} and {@code report.html} as the run stands. What of it cannot be written is
 * warned of, once, and ends no run.
 */
final class RunReporting {

  private final RunFolder folder;
  private final Console console;
  private final ConfigView config;
  private final RunPlan plan;
  private final RunRecord.Facts facts;
  private final String started;
  private final List<String> resumed = new ArrayList<>();
  private List<DataFile> files = List.of();
  private RunStatus status = RunStatus.RUNNING;
  private boolean warned;

  /**
   * @param goesOn whether the folder's run goes on, after a break
   */
  RunReporting(
      RunSetup setup, RunFolder folder, RunPlan plan, RunRecord.Facts facts, boolean goesOn) {
    this.folder = folder;
    this.console = setup.console();
    this.config = ConfigView.of(setup.config().toYaml());
    this.plan = plan;
    this.facts = facts;
    Optional<RunRecord> before = goesOn ? earlier(folder) : Optional.empty();
    this.started = before.map(RunRecord::started).orElse(now());
    before.ifPresent(record -> resumed.addAll(record.resumed()));
    if (goesOn) {
      resumed.add(now());
    }
  }

  /** What a run knows of itself before its first step. */
  static RunRecord.Facts facts(
      RunSetup setup, Inputs inputs, TrainingData data, MemoryNeed need, long trainable) {
    Map<String, String> model = new LinkedHashMap<>();
    model.put("base", setup.describeBase());
    model.put("fingerprint", inputs.base());
    model.put("trainable parameters", "%,d".formatted(trainable));
    Map<String, String> environment = new LinkedHashMap<>(Machine.describe());
    environment.put("compute", inputs.compute());
    long tokens = 0;
    long targets = 0;
    for (TokenSequence example : data.train()) {
      tokens += example.length();
      targets += example.targetCount();
    }
    return new RunRecord.Facts(
        model,
        new RunRecord.Data(
            data.train().size(),
            data.validation().size(),
            data.longest(),
            tokens,
            targets,
            data.notes()),
        new RunRecord.Memory(
            need.memory().classes(),
            need.memory().peak(),
            need.memory().mapped(),
            need.available()),
        environment);
  }

  /** A damaged record of a run that goes on is no reason not to. */
  private static Optional<RunRecord> earlier(RunFolder folder) {
    try {
      return RunRecord.read(folder.record());
    } catch (UserException e) {
      return Optional.empty();
    }
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** The run goes on. */
  void goesOn() {
    write("", OptionalInt.empty());
  }

  /** The run has ended as it should. */
  void ended(Ending ending, int resultStep) {
    switch (ending) {
      case Ending.Complete _ -> end(RunStatus.FINISHED, "", OptionalInt.of(resultStep));
      case Ending.Stopped _ -> end(RunStatus.STOPPED, "", OptionalInt.of(resultStep));
      case Ending.Early early ->
          end(RunStatus.FINISHED, early.reason(), OptionalInt.of(resultStep));
    }
  }

  /** A step would have done harm. */
  void diverged(String reason) {
    end(RunStatus.DIVERGED, reason, OptionalInt.empty());
  }

  /** Something else went wrong; after one of the above it says nothing new. */
  void broken(String reason) {
    if (status == RunStatus.RUNNING) {
      end(RunStatus.BROKEN, reason, OptionalInt.empty());
    }
  }

  private void end(RunStatus status, String reason, OptionalInt resultStep) {
    this.status = status;
    write(reason, resultStep);
  }

  private void write(String reason, OptionalInt resultStep) {
    RunRecord record =
        new RunRecord(
            RunRecord.VERSION,
            status,
            reason,
            started,
            resumed,
            now(),
            plan.totalSteps(),
            plan.stepsPerEpoch(),
            resultStep,
            facts);
    try {
      record.write(folder.record());
      StoredRun run =
          new StoredRun(
              folder.root(), config, Optional.of(record), status, Metrics.read(folder.metrics()));
      if (files.isEmpty()) {
        files = run.dataFiles();
      }
      AsideFile.writeText(folder.report(), RunPage.of(run, files, run.samples()));
    } catch (UserException | ModelIoException e) {
      if (!warned) {
        warned = true;
        console.warn("run.json and report.html are not up to date: " + e.getMessage());
      }
    }
  }
}
