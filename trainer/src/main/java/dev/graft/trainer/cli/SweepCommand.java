package dev.graft.trainer.cli;

import dev.graft.trainer.console.Console;
import dev.graft.trainer.console.ShellWord;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.sweep.Grid;
import dev.graft.trainer.sweep.Sweep;
import dev.graft.trainer.sweep.SweepRecord;
import dev.graft.trainer.sweep.SweepRecord.Run;
import dev.graft.trainer.sweep.SweepRecord.Status;
import dev.graft.trainer.sweep.SweepTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code graft sweep}. */
@Command(
    name = "sweep",
    description = {
      "Trains every combination of some settings, one run after another, and ranks them.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Runs are ranked by their lowest validation loss, or by the training loss of the last steps",
      "where there is no validation. sweep.json in the sweep's folder says how they stand, and each",
      "run has a folder of its own beside it.",
      "",
      "The same command goes on where a sweep was broken off: finished runs are left as they are,",
      "an unfinished one resumes, failed ones are tried again. More values add runs.",
      "Ctrl-C stops after the step that is being computed.",
      "",
      "Exit codes: 0 all runs are finished, or it was stopped; 3 some run failed; 2 the command or",
      "a configuration is wrong, and nothing was trained.",
      "",
      "Examples:",
      "  ./graft sweep configs/quickstart.yaml --set lora.rank=4,16 --set"
          + " training.learning-rate=3e-3,1e-2",
      "  ./graft sweep configs/quickstart.yaml --set lora.targets=[q_proj,v_proj],all-linear --dry-run",
      "  ./graft sweep configs/quickstart.yaml --set training.seed=1,2,3 --output runs/seeds"
    })
final class SweepCommand implements Callable<Integer> {

  /** The sweep is through, and not every run is. */
  private static final int SOME_FAILED = 3;

  @Parameters(paramLabel = "CONFIG", description = "YAML file of what all runs share.")
  private Path config = Path.of("");

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE,VALUE",
      required = true,
      description =
          "Values that a key takes in turn, e.g. --set lora.rank=8,16. Every combination is a run. A"
              + " list is one value in brackets: [q_proj,v_proj].")
  private List<String> settings = new ArrayList<>();

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Folder of the sweep; default: the configuration's output with -sweep behind it.")
  private @Nullable Path output;

  @Option(names = "--dry-run", description = "Check all configurations and list the runs.")
  private boolean dryRun;

  @Option(names = "--quiet", description = "Only warnings and the table.")
  private boolean quiet;

  @Override
  public Integer call() {
    Console console = Console.ofProcess(quiet);
    Sweep sweep = Sweep.plan(config, Grid.parse(settings), Optional.ofNullable(output));
    if (dryRun) {
      sweep.trials().forEach(trial -> console.result(trial.config().output().toString()));
      console.result(
          "%d runs; they would be ranked by %s"
              .formatted(sweep.trials().size(), sweep.measure().words()));
      return 0;
    }
    var stop = new StopSignal();
    StopOnInterrupt.install(stop, console);
    SweepRecord record = sweep.run(console, stop);
    report(sweep, record, console);
    return record.count(Status.FAILED) > 0 ? SOME_FAILED : 0;
  }

  private void report(Sweep sweep, SweepRecord record, Console console) {
    console.result("");
    SweepTable.lines(record, sweep.grid()).forEach(console::result);
    console.result("");
    console.result("ranked   by " + record.rankedBy().words());
    List<Run> ranked = record.ranked();
    if (!ranked.isEmpty()) {
      sweep.trials().stream()
          .filter(trial -> trial.point().name().equals(ranked.getFirst().name()))
          .forEach(best -> console.result("best     " + best.result()));
    }
    for (Run run : record.runs()) {
      if (run.status() == Status.FAILED) {
        console.result("failed   %s: %s".formatted(run.name(), run.note()));
      }
    }
    console.say("record   " + sweep.folder().resolve("sweep.json"));
    long open = record.runs().size() - record.count(Status.FINISHED);
    if (open > 0) {
      console.result(
          "go on    %s  (%d of %d runs to do)".formatted(command(), open, record.runs().size()));
    }
  }

  /** This command again. */
  private String command() {
    var command = new StringBuilder("./graft sweep ").append(ShellWord.of(config.toString()));
    settings.forEach(setting -> command.append(" --set ").append(ShellWord.of(setting)));
    if (output != null) {
      command.append(" --output ").append(ShellWord.of(output.toString()));
    }
    return command.toString();
  }
}
