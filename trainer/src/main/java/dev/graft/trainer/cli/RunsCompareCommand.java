package dev.graft.trainer.cli;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.report.run.ComparisonPage;
import dev.graft.trainer.report.run.SideBySide;
import dev.graft.trainer.runs.StoredRun;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft runs compare}. */
@Command(
    name = "compare",
    description = {"Puts two runs side by side: how they went, and what was different.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Examples:",
      "  ./graft runs compare runs/rank8 runs/rank16",
      "  ./graft runs compare runs/rank8 runs/rank16 --html comparison.html"
    })
final class RunsCompareCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "A", description = "Folder of a run.")
  private Path left = Path.of("");

  @Parameters(index = "1", paramLabel = "B", description = "Folder of another.")
  private Path right = Path.of("");

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write a page with the curves of both in one chart.")
  private @Nullable Path html;

  @Override
  public Integer call() {
    var runs = new SideBySide(StoredRun.read(left), StoredRun.read(right));
    PrintWriter out = spec.commandLine().getOut();
    print("", runs.figures(), out);
    List<SideBySide.Row> configuration = runs.configuration();
    if (configuration.isEmpty()) {
      out.println("\nThe configurations are the same.");
    } else {
      out.println();
      print("configuration", configuration, out);
    }
    List<SideBySide.Row> data = runs.data();
    if (data.isEmpty()) {
      out.println("\nThe data are the same.");
    } else {
      out.println();
      print("data", data, out);
    }
    if (html != null) {
      AsideFile.writeText(html, ComparisonPage.of(runs));
      out.println("\npage     " + html);
    }
    out.flush();
    return 0;
  }

  private void print(String heading, List<SideBySide.Row> rows, PrintWriter out) {
    var lines = new ArrayList<List<String>>();
    lines.add(List.of(heading, left.toString(), right.toString()));
    rows.forEach(row -> lines.add(List.of(row.name(), row.left(), row.right())));
    TextTable.print(lines, out);
  }
}
