package dev.graft.trainer.cli;

import dev.graft.modelio.ModelIoException;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.report.run.Amounts;
import dev.graft.trainer.report.run.RunFigures;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.StoredRun;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft runs}. */
@Command(
    name = "runs",
    description = {"Lists runs, with how they stand and how good they became.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    subcommands = RunsCompareCommand.class,
    footer = {
      "",
      "Runs are looked for in the folder and one level below it, where sweeps have theirs.",
      "The state is running, finished, stopped (it goes on by --resume), diverged, or broken:",
      "killed, out of memory, the disk full; --resume goes on from its last checkpoint.",
      "",
      "Examples:",
      "  ./graft runs",
      "  ./graft runs sweeps/rank --sort=best",
      "  ./graft runs --json",
      "  ./graft runs compare runs/rank8 runs/rank16 --html comparison.html"
    })
final class RunsCommand implements Callable<Integer> {

  /** What runs can be ordered by. */
  enum Order {
    NAME,
    BEST,
    NEWEST
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "0..1",
      paramLabel = "DIR",
      description = "Folder of runs; default: ${DEFAULT-VALUE}.",
      defaultValue = "runs")
  private Path folder = Path.of("runs");

  @Option(
      names = "--sort",
      paramLabel = "ORDER",
      description = "name, best (the lowest validation loss first) or newest.",
      defaultValue = "name")
  private Order order = Order.NAME;

  @Option(names = "--json", description = "Everything about each, as a JSON array.")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    List<StoredRun> runs = read();
    if (json) {
      out.println(
          JsonMapper.shared()
              .writerWithDefaultPrettyPrinter()
              .writeValueAsString(runs.stream().map(this::map).toList()));
    } else if (runs.isEmpty()) {
      out.println("no runs in " + folder);
    } else {
      var rows = new ArrayList<List<String>>();
      rows.add(
          List.of("run", "state", "steps", "best loss", "at", "base loss", "time", "base", "data"));
      runs.forEach(run -> rows.add(row(run)));
      TextTable.print(rows, out);
    }
    out.flush();
    return 0;
  }

  /** One that cannot be read is warned of, and leaves the others to be listed. */
  private List<StoredRun> read() {
    var runs = new ArrayList<StoredRun>();
    for (Path path : StoredRun.foldersIn(folder)) {
      try {
        runs.add(StoredRun.read(path));
      } catch (UserException | ModelIoException e) {
        spec.commandLine().getErr().println("warning: " + e.getMessage());
      }
    }
    switch (order) {
      case NAME -> {}
      case BEST -> runs.sort(Comparator.comparingDouble(RunsCommand::best));
      case NEWEST ->
          runs.sort(
              Comparator.comparing(
                      (StoredRun run) -> run.record().map(RunRecord::started).orElse(""))
                  .reversed());
    }
    return runs;
  }

  private static double best(StoredRun run) {
    return run.best().map(EvaluationMetrics::loss).orElse(Double.POSITIVE_INFINITY);
  }

  private List<String> row(StoredRun run) {
    return List.of(
        name(run),
        run.status().word(),
        RunFigures.steps(run),
        run.best().map(it -> Amounts.loss(it.loss())).orElse("–"),
        run.best().map(it -> Amounts.count(it.step())).orElse("–"),
        run.base().map(it -> Amounts.loss(it.loss())).orElse("–"),
        Amounts.seconds(run.seconds()),
        run.config().value("base").map(RunsCommand::lastName).orElse("–"),
        run.config().value("data.train").map(RunsCommand::lastName).orElse("–"));
  }

  /** As seen from the folder: with a sweep's name before its runs' own. */
  private String name(StoredRun run) {
    String below = folder.relativize(run.folder()).toString();
    return below.isEmpty() ? run.name() : below;
  }

  private static String lastName(String path) {
    String name = path.replaceFirst("[/\\\\]+$", "");
    return name.contains(",") ? "several files" : name.substring(name.lastIndexOf('/') + 1);
  }

  private Map<String, @Nullable Object> map(StoredRun run) {
    Optional<EvaluationMetrics> best = run.best();
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("run", name(run));
    map.put("folder", run.folder().toString());
    map.put("state", run.status().word());
    map.put("reason", run.record().map(RunRecord::reason).filter(it -> !it.isEmpty()).orElse(null));
    map.put("started", run.record().map(RunRecord::started).orElse(null));
    map.put("steps", run.steps());
    map.put("total_steps", run.record().map(RunRecord::totalSteps).orElse(null));
    map.put("best_loss", best.map(EvaluationMetrics::loss).orElse(null));
    map.put("best_step", best.map(EvaluationMetrics::step).orElse(null));
    map.put("base_loss", run.base().map(EvaluationMetrics::loss).orElse(null));
    map.put("seconds", run.seconds());
    map.put(
        "tokens_per_second",
        run.tokensPerSecond().isPresent() ? run.tokensPerSecond().getAsDouble() : null);
    map.put("base", run.config().value("base").orElse(null));
    map.put("data", run.config().value("data.train").orElse(null));
    map.put("config", run.config().chosen());
    return map;
  }
}
