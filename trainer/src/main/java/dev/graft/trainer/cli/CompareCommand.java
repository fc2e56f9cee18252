package dev.graft.trainer.cli;

import dev.graft.trainer.compare.Comparison;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.ScorecardJson;
import dev.graft.trainer.compare.scorecard.ScorecardPage;
import dev.graft.trainer.compare.scorecard.ScorecardTable;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.runs.StopSignal;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft compare}. */
@Command(
    name = "compare",
    description = {
      "Has base models, adapters, Claude and others answer held-out examples, and says who is"
          + " better.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Answers are kept in the output folder; a comparison that was broken off goes on where it",
      "stopped. Paid requests are answered from a cache where they were asked before.",
      "",
      "Exit code 0: go, or no thresholds given; 2: something to be put right; 3: no-go;",
      "130: stopped.",
      "",
      "Examples:",
      "  ./graft compare configs/compare-quickstart.yaml",
      "  ./graft compare my-comparison.yaml --yes",
      "  ./graft compare my-comparison.yaml --set limit=50 --set contestants.adapter.adapter=runs/two",
      "  ./graft compare --schema"
    })
final class CompareCommand implements Callable<Integer> {

  /** The thresholds do not hold. */
  static final int NO_GO = 3;

  private static final int STOPPED = 130;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(arity = "0..1", paramLabel = "CONFIG", description = "What is compared, as YAML.")
  private @Nullable Path file;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "Overrides a key of the file, e.g. --set contestants.adapter.adapter=runs/two; null"
              + " unsets it.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--yes", description = "Send requests that cost money.")
  private boolean paid;

  @Option(
      names = "--fresh",
      description = "Throw away kept answers, also those of other settings, and ask again.")
  private boolean fresh;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description = "Folder of answers and scorecards, in place of the configuration's.")
  private @Nullable Path output;

  @Option(names = "--schema", description = "Print the JSON schema of a comparison's YAML.")
  private boolean schema;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (schema) {
      out.print(CompareConfig.schema());
      out.flush();
      return 0;
    }
    if (file == null) {
      throw new UserException("compare: which configuration? ./graft compare CONFIG");
    }
    CompareConfig config = CompareConfig.read(file, overrides);
    Path folder = folder(config, file);
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new UserException(folder + ": is a file, a folder is needed for the output");
    }
    // Whatever a library prints goes elsewhere.
    PrintStream standard = System.out;
    var stop = new StopSignal();
    var console =
        new Console(
            new PrintStream(standard, true, StandardCharsets.UTF_8),
            System.err,
            false,
            false,
            System::nanoTime);
    StopOnInterrupt.install(stop, console);
    Optional<Scorecard> card =
        new Comparison(
                config, new Comparison.Options(folder, paid, fresh, System.getenv(), stop), console)
            .run();
    if (card.isEmpty()) {
      return STOPPED;
    }
    Files.createDirectories(folder);
    Path json = folder.resolve("scorecard.json");
    Path page = folder.resolve("scorecard.html");
    AtomicFiles.writeText(json, ScorecardJson.of(card.get()));
    AtomicFiles.writeText(page, ScorecardPage.of(card.get()));
    out.print(ScorecardTable.of(card.get()));
    out.println("scorecard  " + page);
    out.println("numbers    " + json);
    out.flush();
    return card.get().isGo() ? 0 : NO_GO;
  }

  private Path folder(CompareConfig config, Path of) {
    if (output != null) {
      return output;
    }
    return config
        .output()
        .orElseGet(() ->
            Path.of(
                "runs",
                of.toAbsolutePath().getFileName().toString().replaceFirst("\\.ya?ml$", "")));
  }
}
