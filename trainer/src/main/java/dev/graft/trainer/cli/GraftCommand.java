package dev.graft.trainer.cli;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command that holds the commands. */
@Command(
    name = "graft",
    description = {
      "Fine-tunes Llama- and Mistral-class models with LoRA on your own hardware.",
      ""
    },
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    subcommands = {
      TrainCommand.class,
      SweepCommand.class,
      RunsCommand.class,
      ReportCommand.class,
      GenerateCommand.class,
      CompareCommand.class,
      AssessCommand.class,
      ExportCommand.class,
      VerifyCommand.class,
      InspectCommand.class,
      CheckCommand.class,
      TokenizeCommand.class,
      SplitCommand.class,
      ConvertCommand.class,
      PlanCommand.class,
      BenchCommand.class,
      DoctorCommand.class,
      ConfigCommand.class
    },
    footer = {
      "",
      "Examples:",
      "  ./graft train configs/quickstart.yaml",
      "  ./graft train configs/quickstart.yaml --set lora.rank=8 --set output=runs/rank8",
      "  ./graft generate --base configs/quickstart/model --prompt \"\" --max-tokens 20",
      "  ./graft doctor",
      "",
      "'./graft COMMAND --help' tells more about one of them."
    })
final class GraftCommand implements Runnable {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--stacktrace",
      scope = CommandLine.ScopeType.INHERIT,
      description = "When something fails, show where in the program.")
  private boolean stacktrace;

  /** The whole command line, ready to execute. */
  static CommandLine commandLine(PrintWriter out, PrintWriter err) {
    var command = new GraftCommand();
    return new CommandLine(command)
        .setOut(out)
        .setErr(err)
        .setUsageHelpWidth(96)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionStrategy(GraftCommand::runLast)
        .setParameterExceptionHandler(Failures::ofArguments)
        .setExecutionExceptionHandler(
            (e, line, _) -> Failures.ofExecution(e, line, command.stacktrace));
  }

  /** Where memory runs out in a command that says nothing better about it, that is no crash. */
  private static int runLast(CommandLine.ParseResult parsed) {
    try {
      return new CommandLine.RunLast().execute(parsed);
    } catch (OutOfMemoryError e) {
      throw new CommandLine.ExecutionException(
          parsed.commandSpec().commandLine(), "out of memory", Failures.outOfMemory(e));
    }
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Which command?");
  }
}
