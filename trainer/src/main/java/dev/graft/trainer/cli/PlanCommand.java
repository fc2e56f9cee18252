package dev.graft.trainer.cli;

import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.train.LoraFinetuning;
import dev.graft.trainer.train.RunEstimate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code graft plan}. */
@Command(
    name = "plan",
    description = {"Says what a run would take: memory by class, whether it fits, and time.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Base and data are opened and checked as for a run; nothing is written.",
      "",
      "Examples:",
      "  ./graft plan configs/quickstart.yaml",
      "  ./graft plan configs/quickstart.yaml --set training.recompute=layers --no-measure",
      "  ./graft plan configs/quickstart.yaml --device cuda"
    })
final class PlanCommand implements Callable<Integer> {

  @Parameters(paramLabel = "CONFIG", description = "YAML file of the run.")
  private Path config = Path.of("");

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file, e.g. --set lora.rank=8; null unsets it.")
  private List<String> overrides = new ArrayList<>();

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "auto, cpu or cuda; the same as --set device=DEVICE.")
  private Optional<String> device = Optional.empty();

  @Option(
      names = "--no-measure",
      description = "Do not train on a few tokens for the time; say the least that is possible.")
  private boolean noMeasure;

  @Override
  public Integer call() {
    device.ifPresent(name -> overrides.add("device=" + name));
    RunConfig run = ConfigReader.read(config, overrides);
    Console console = Console.ofProcess(false);
    RunEstimate estimate = LoraFinetuning.estimate(run, console, !noMeasure);
    console.result(estimate.table().stripTrailing());
    return 0;
  }
}
