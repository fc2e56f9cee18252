package dev.graft.trainer.report.run;

import dev.graft.trainer.runs.DataFile;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StoredRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.function.Function;

/** Two runs, and what is the same and what is not. */
public record SideBySide(StoredRun left, StoredRun right) {

  /** A key that says where a run lies, which is no difference between two. */
  private static final String OUTPUT = "output";

  private static final String NONE = "–";

  /** Something that both have, each its own. */
  public record Row(String name, String left, String right) {
    /** Whether it is not the same. */
    public boolean differs() {
      return !left.equals(right);
    }
  }

  /** How they went. */
  public List<Row> figures() {
    var rows = new ArrayList<Row>();
    add(rows, "state", run -> run.status().word());
    add(rows, "steps", RunFigures::steps);
    add(rows, "epochs", RunFigures::epochs);
    add(rows, "validation loss before", run -> loss(run.base()));
    add(rows, "best validation loss", run -> loss(run.best()));
    add(rows, "at step", run -> run.best().map(it -> Amounts.count(it.step())).orElse(NONE));
    add(
        rows,
        "perplexity there",
        run ->
            run.best().map(it -> String.format(Locale.ROOT, "%.3f", it.perplexity())).orElse(NONE));
    add(
        rows,
        "training loss, last step",
        run ->
            run.metrics().steps().isEmpty()
                ? NONE
                : Amounts.loss(run.metrics().steps().getLast().loss()));
    add(rows, "training and evaluating", run -> Amounts.seconds(run.seconds()));
    add(
        rows,
        "tokens a second",
        run ->
            run.tokensPerSecond().isPresent()
                ? String.format(Locale.ROOT, "%,.0f", run.tokensPerSecond().getAsDouble())
                : NONE);
    add(
        rows,
        "tokens trained on",
        run -> Amounts.count(run.metrics().steps().stream().mapToLong(StepMetrics::tokens).sum()));
    add(rows, "memory, planned", run -> facts(run, it -> Amounts.bytes(it.memory().peak())));
    add(rows, "trainable parameters", run -> fact(run, "trainable parameters"));
    add(rows, "compute", run -> facts(run, it -> it.environment().getOrDefault("compute", NONE)));
    return List.copyOf(rows);
  }

  private void add(List<Row> rows, String name, Function<StoredRun, String> value) {
    rows.add(new Row(name, value.apply(left), value.apply(right)));
  }

  private static String loss(java.util.Optional<EvaluationMetrics> evaluation) {
    return evaluation.map(it -> Amounts.loss(it.loss())).orElse(NONE);
  }

  private static String facts(StoredRun run, Function<RunRecord.Facts, String> value) {
    return run.record().map(record -> value.apply(record.facts())).orElse(NONE);
  }

  private static String fact(StoredRun run, String name) {
    return facts(run, it -> it.model().getOrDefault(name, NONE));
  }

  /** The keys of the configuration that differ, but for the folder. */
  public List<Row> configuration() {
    return left.config().differencesTo(right.config()).stream()
        .filter(it -> !it.key().equals(OUTPUT))
        .map(it -> new Row(it.key(), it.left().orElse(NONE), it.right().orElse(NONE)))
        .toList();
  }

  /** The files whose content, or whose share that was used, differs. */
  public List<Row> data() {
    var files = new TreeMap<String, String[]>();
    collect(left.dataFiles(), 0, files);
    collect(right.dataFiles(), 1, files);
    return files.entrySet().stream()
        .map(it -> new Row(it.getKey(), it.getValue()[0], it.getValue()[1]))
        .filter(Row::differs)
        .toList();
  }

  private static void collect(List<DataFile> from, int side, TreeMap<String, String[]> files) {
    for (DataFile file : from) {
      String[] both =
          files.computeIfAbsent(file.part() + " " + file.file(), _ -> new String[] {NONE, NONE});
      both[side] = "%s rows, SHA-256 %.12s".formatted(Amounts.count(file.rows()), file.sha256());
    }
  }
}
