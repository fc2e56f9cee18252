package dev.graft.trainer.cli;

import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.DataFormat;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.console.ShellWord;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.train.Ending;
import dev.graft.trainer.train.LoraFinetuning;
import dev.graft.trainer.train.RunResult;
import dev.graft.trainer.train.RunStart;
import java.nio.file.Files;
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
    description = {"Trains a LoRA adapter, or a whole model, as a configuration says.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Ctrl-C stops after the step that is being computed and saves what was trained; --resume"
          + " goes",
      "on from there, and from the last checkpoint after anything worse.",
      "",
      "Examples:",
      "  ./graft train configs/quickstart.yaml",
      "  ./graft train configs/quickstart.yaml --set lora.rank=8 --set lora.targets=q_proj,v_proj",
      "  ./graft train configs/quickstart.yaml --overwrite --quiet",
      "  ./graft train runs/quickstart --resume"
    })
final class TrainCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "CONFIG",
      description =
          "YAML file; './graft config --defaults' prints one with every key. With --resume, a run's"
              + " folder will do.")
  private Path config = Path.of("");

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file, e.g. --set lora.rank=8; null unsets it.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--overwrite", description = "Replace the run that the output folder holds.")
  private boolean overwrite;

  @Option(
      names = "--resume",
      description =
          "Go on from the run's newest checkpoint, or begin where there is none. The result is the"
              + " same bit for bit as without the break.")
  private boolean resume;

  @Option(names = "--quiet", description = "Only warnings and where the result is.")
  private boolean quiet;

  @Override
  public Integer call() {
    if (resume && overwrite) {
      throw new UserException("--resume and --overwrite: one goes on, the other starts again");
    }
    RunConfig run = read();
    Console console = Console.ofProcess(quiet);
    var stop = new StopSignal();
    StopOnInterrupt.install(stop, console);
    RunStart start = resume ? RunStart.RESUME : overwrite ? RunStart.OVERWRITE : RunStart.NEW;
    RunResult result = LoraFinetuning.run(run, start, console, stop);
    report(run, result, console);
    return 0;
  }

  /** The configuration, or that of the run whose folder was given. */
  private RunConfig read() {
    Path inside = config.resolve("config.yaml");
    if (!Files.isRegularFile(inside)) {
      return ConfigReader.read(config, overrides);
    }
    if (!resume) {
      throw new UserException(
          "%s: is the folder of a run; go on with it by --resume, or repeat it from %s"
              .formatted(config, inside));
    }
    List<String> settings = new ArrayList<>();
    settings.add("output=" + config);
    settings.addAll(overrides);
    return ConfigReader.read(inside, settings);
  }

  private static void report(RunConfig run, RunResult result, Console console) {
    switch (result.ending()) {
      case Ending.Complete _ -> {}
      case Ending.Stopped _ -> {
        console.result(
            "stopped  after step %d of %d; what was trained so far is saved"
                .formatted(result.steps(), result.totalSteps()));
        console.result("go on    " + resumption(run));
      }
      case Ending.Early early ->
          console.result(
              "ended    after step %d of %d: %s"
                  .formatted(result.steps(), result.totalSteps(), early.reason()));
    }
    if (result.baseLoss().isPresent() && result.finalLoss().isPresent()) {
      double before = result.baseLoss().getAsDouble();
      double after = result.finalLoss().getAsDouble();
      console.say("loss     validation %.4f before, %.4f after".formatted(before, after));
      if (after >= before) {
        console.warn(
            "on the validation data %s is no better than the base model"
                .formatted(isFull(run) ? "the trained model" : "the adapter"));
      }
    }
    boolean isLast = result.resultStep() == result.steps();
    console.result(
        (isFull(run) ? "model    " : "adapter  ")
            + result.result()
            + (isLast
                ? ""
                : "  (of step %d, the best; checkpoint.result: last would be step %d)"
                    .formatted(result.resultStep(), result.steps())));
    console.say("metrics  " + run.output().resolve("metrics.jsonl"));
    console.say("report   " + run.output().resolve("report.html"));
    console.say("next     " + next(run, result));
  }

  private static boolean isFull(RunConfig run) {
    return run.method() == Method.FULL;
  }

  private static String resumption(RunConfig run) {
    return "./graft train " + ShellWord.of(run.output().toString()) + " --resume";
  }

  /** A command that shows what was learned. */
  private static String next(RunConfig run, RunResult result) {
    var command = new StringBuilder("./graft generate --base ");
    if (isFull(run)) {
      command.append(ShellWord.of(result.result().toString()));
    } else {
      command.append(ShellWord.of(Words.here(run.base())));
      command.append(" --adapter ").append(ShellWord.of(result.result().toString()));
    }
    if (run.data().format() != DataFormat.TOKENS) {
      command.append(" --chat");
      // The model's folder holds the layout that it was trained with.
      if (!isFull(run) && !run.data().template().equals("auto")) {
        command.append(" --template ").append(ShellWord.of(Words.here(run.data().template())));
      }
    }
    return command.append(" --prompt \"…\"").toString();
  }
}
