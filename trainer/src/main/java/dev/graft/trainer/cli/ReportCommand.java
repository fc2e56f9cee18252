package dev.graft.trainer.cli;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.report.run.RunPage;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.StoredRun;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft report}. */
@Command(
    name = "report",
    description = {"Writes the page about a run again, from what lies in its folder.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "A run writes its report.html itself, at every evaluation and checkpoint and in the end.",
      "This brings it up to date for one that goes on or was broken off.",
      "",
      "Examples:",
      "  ./graft report runs/quickstart",
      "  ./graft report runs/quickstart --output quickstart.html"
    })
final class ReportCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "RUN", description = "Folder of a run.")
  private Path folder = Path.of("");

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "The page; default: report.html in the run's folder.")
  private @Nullable Path output;

  @Override
  public Integer call() {
    StoredRun run = StoredRun.read(folder);
    Path page = output == null ? RunFolder.of(folder).report() : output;
    AsideFile.writeText(page, RunPage.of(run, run.dataFiles(), run.samples()));
    spec.commandLine().getOut().println("report   " + page);
    return 0;
  }
}
