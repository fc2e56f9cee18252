package dev.graft.trainer.cli;

import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.DataFormat;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.train.LoraFinetuning;
import dev.graft.trainer.train.RunResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code graft train}. */
@Command(
    name = "train",
    description = {"Trains a LoRA adapter as a configuration says.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Ctrl-C stops after the step that is being computed and saves what was trained.",
      "",
      "Examples:",
      "  ./graft train configs/quickstart.yaml",
      "  ./graft train configs/quickstart.yaml --set lora.rank=8 --set lora.targets=q_proj,v_proj",
      "  ./graft train configs/quickstart.yaml --overwrite --quiet"
    })
final class TrainCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "CONFIG",
      description = "YAML file; './graft config --defaults' prints one with every key.")
  private Path config = Path.of("");

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file, e.g. --set lora.rank=8; null unsets it.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--overwrite", description = "Replace the run that the output folder holds.")
  private boolean overwrite;

  @Option(names = "--quiet", description = "Only warnings and where the adapter is.")
  private boolean quiet;

  @Override
  public Integer call() {
    RunConfig run = ConfigReader.read(config, overrides);
    Console console = Console.ofProcess(quiet);
    var stop = new StopSignal();
    StopOnInterrupt.install(stop, console);
    RunResult result = LoraFinetuning.run(run, overwrite, console, stop);
    report(run, result, console);
    return 0;
  }

  private static void report(RunConfig run, RunResult result, Console console) {
    if (result.stopped()) {
      console.result(
          "stopped  after step %d of %d; what was trained so far is saved"
              .formatted(result.steps(), result.totalSteps()));
    }
    if (result.baseLoss().isPresent() && result.finalLoss().isPresent()) {
      double before = result.baseLoss().getAsDouble();
      double after = result.finalLoss().getAsDouble();
      console.say("loss     validation %.4f before, %.4f after".formatted(before, after));
    }
    console.result("adapter  " + result.adapter());
    console.say("metrics  " + run.output().resolve("metrics.jsonl"));
    console.say("next     " + next(run, result));
  }

  /** A command that shows what was learned. */
  private static String next(RunConfig run, RunResult result) {
    var command = new StringBuilder("./graft generate --base ");
    command.append(Words.shell(Words.here(run.base())));
    command.append(" --adapter ").append(Words.shell(result.adapter().toString()));
    if (run.data().format() != DataFormat.TOKENS) {
      command.append(" --chat");
      if (!run.data().template().equals("auto")) {
        command.append(" --template ").append(Words.shell(Words.here(run.data().template())));
      }
    }
    return command.append(" --prompt \"…\"").toString();
  }
}
