package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
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

  /** All commands, in the order of the help. */
  private static final Map<String, Supplier<Object>> COMMANDS = commands();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--stacktrace",
      scope = CommandLine.ScopeType.INHERIT,
      description = "When something fails, show where in the program.")
  private boolean stacktrace;

  private static Map<String, Supplier<Object>> commands() {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("train", TrainCommand::new);
    commands.put("sweep", SweepCommand::new);
    commands.put("runs", RunsCommand::new);
    commands.put("report", ReportCommand::new);
    commands.put("generate", GenerateCommand::new);
    commands.put("compare", CompareCommand::new);
    commands.put("assess", AssessCommand::new);
    commands.put("export", ExportCommand::new);
    commands.put("verify", VerifyCommand::new);
    commands.put("inspect", InspectCommand::new);
    commands.put("check", CheckCommand::new);
    commands.put("tokenize", TokenizeCommand::new);
    commands.put("split", SplitCommand::new);
    commands.put("convert", ConvertCommand::new);
    commands.put("plan", PlanCommand::new);
    commands.put("bench", BenchCommand::new);
    commands.put("doctor", DoctorCommand::new);
    commands.put("config", ConfigCommand::new);
    return commands;
  }

  /** The whole command line, ready to execute. */
  static CommandLine commandLine(PrintWriter out, PrintWriter err) {
    return commandLine(COMMANDS.keySet(), out, err);
  }

  /**
   * As much of the command line as these arguments need: reading the annotations of all commands
   * takes a tenth of a start.
   */
  static CommandLine commandLine(String[] arguments, PrintWriter out, PrintWriter err) {
    return arguments.length > 0 && COMMANDS.containsKey(arguments[0])
        ? commandLine(Set.of(arguments[0]), out, err)
        : commandLine(out, err);
  }

  private static CommandLine commandLine(Set<String> names, PrintWriter out, PrintWriter err) {
    var command = new GraftCommand();
    var line = new CommandLine(command);
    COMMANDS.forEach((name, made) -> {
      if (names.contains(name)) {
        line.addSubcommand(name, made.get());
      }
    });
    return line.setOut(out)
        .setErr(err)
        .setUsageHelpWidth(96)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionStrategy(GraftCommand::runLast)
        .setParameterExceptionHandler(Failures::ofArguments)
        .setExecutionExceptionHandler(
            (e, failed, _) -> Failures.ofExecution(e, failed, command.stacktrace));
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
