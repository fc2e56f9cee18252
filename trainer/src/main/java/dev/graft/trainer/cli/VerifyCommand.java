package dev.graft.trainer.cli;

import dev.graft.trainer.console.Console;
import dev.graft.trainer.export.Verification;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code graft verify}. */
@Command(
    name = "verify",
    description = {"Checks an export: its hashes, and that it says what the trainer says.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Examples:",
      "  ./graft verify exports/quickstart",
      "  ./graft verify exports/quickstart --files-only",
      "  ./graft verify exports/quickstart --reference expected.json"
    })
final class VerifyCommand implements Callable<Integer> {

  @Parameters(paramLabel = "DIR", description = "The folder that 'graft export' has written.")
  private Path folder = Path.of("");

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description = "The base model; default: where it was when it was exported.")
  private @Nullable String base;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "The run or adapter; default: where it was when it was exported.")
  private @Nullable Path adapter;

  @Option(
      names = "--files-only",
      description = "Compare hashes only; needs neither the base model nor the adapter.")
  private boolean filesOnly;

  @Option(
      names = "--reference",
      paramLabel = "FILE",
      description =
          "Write what the trainer says: prompts, greedy tokens and log-probabilities, as JSON, to"
              + " compare any server with. It holds your prompts.")
  private @Nullable Path reference;

  @Override
  public Integer call() {
    Verification.run(
        folder,
        new Verification.Options(
            Optional.ofNullable(base),
            Optional.ofNullable(adapter),
            filesOnly,
            Optional.ofNullable(reference)),
        Console.ofProcess(false));
    return 0;
  }
}
