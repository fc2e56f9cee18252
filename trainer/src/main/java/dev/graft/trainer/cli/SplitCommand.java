package dev.graft.trainer.cli;

import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFiles;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.split.DataSplit;
import dev.graft.tokenizer.split.RowWriter;
import dev.graft.tokenizer.split.SplitRule;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runs.AtomicFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft split}. */
@Command(
    name = "split",
    description = {"Divides data into training and validation data, without leaks.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Near duplicates and rows with the same prompt stay on one side. The same data is always",
      "divided in the same way. JSON lines are copied as they are.",
      "",
      "Example:",
      "  ./graft split configs/quickstart/train.jsonl --validation 0.1 --by hash \\",
      "    --output runs/quickstart-data"
    })
final class SplitCommand implements Callable<Integer> {

  /** How far the share that was held out may be from what was asked for before it is said. */
  private static final double TOLERANCE = 0.2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "DATA", description = "The data.")
  private Path file = Path.of("");

  @Option(
      names = "--validation",
      required = true,
      paramLabel = "SHARE",
      description = "The share of the rows to hold out, e.g. 0.1.")
  private double share;

  @Option(
      names = "--by",
      paramLabel = "RULE",
      defaultValue = "hash",
      description =
          "hash (of the rows), group:FIELD (equal values stay together) or time:FIELD (the latest"
              + " are held out) (default: ${DEFAULT-VALUE}).")
  private String by = "hash";

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Where train.jsonl and validation.jsonl go; default: beside DATA, named after it.")
  private @Nullable Path output;

  @Option(names = "--overwrite", description = "Replace files that are there already.")
  private boolean overwrite;

  @Option(names = "--format", paramLabel = "FORMAT", defaultValue = "auto", hidden = true)
  private String format = "auto";

  @Option(
      names = "--column",
      paramLabel = "NAME=COLUMN",
      description = "What a key is called in the file: --column prompt=Question. May be repeated.")
  private Map<String, String> columns = new LinkedHashMap<>();

  @Override
  public Integer call() throws IOException {
    if (!(share > 0 && share < 1)) {
      throw new UserException("--validation: " + share + " is not between 0 and 1");
    }
    SplitRule rule = SplitRule.parse(by);
    Path train = target("train");
    Path validation = target("validation");
    boolean[] held = DataSplit.heldOut(this::forEachRow, share, rule);
    Files.createDirectories(parent(train));
    if (!copied(held, train, validation)) {
      write(held, train, validation);
    }
    report(held, train, validation);
    return 0;
  }

  private void report(boolean[] held, Path train, Path validation) {
    int count = 0;
    for (boolean one : held) {
      count += one ? 1 : 0;
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println("%,d rows to train on: %s".formatted(held.length - count, Words.here("" + train)));
    out.println("%,d rows held out: %s".formatted(count, Words.here("" + validation)));
    out.flush();
    double wanted = held.length * share;
    if (Math.abs(count - wanted) > Math.max(1, wanted * TOLERANCE)) {
      PrintWriter err = spec.commandLine().getErr();
      err.println(
          ("warning: %.1f %% were held out, not %.1f %%: rows that hang together stay together, and"
                  + " groups of that size there are none")
              .formatted(100.0 * count / held.length, 100 * share));
      err.flush();
    }
  }

  private void forEachRow(Consumer<? super DataRow> each) {
    long count = 0;
    try (ConversationReader reader =
        ConversationReader.openUnread(file, DataFormat.parse(format), columns)) {
      for (DataRow row = reader.read(); row != null; row = reader.read()) {
        each.accept(row);
        count++;
      }
    }
    if (count < 2) {
      throw new DataException(
          "%s holds %s, too few to divide.".formatted(file, count == 0 ? "no row" : "one row"));
    }
  }

  /** Copies the file's own bytes, where rows begin on lines of their own. */
  private boolean copied(boolean[] held, Path train, Path validation) throws IOException {
    long[] lines = new long[held.length];
    int[] next = {0};
    forEachRow(row -> lines[next[0]++] = row.row().origin().line());
    try {
      AtomicFiles.write(
          train,
          kept ->
              AtomicFiles.write(
                  validation,
                  heldOut -> {
                    if (!DataFiles.copyRows(file, lines, row -> held[row] ? heldOut : kept)) {
                      throw new NotLinesException();
                    }
                  }));
      return true;
    } catch (NotLinesException _) {
      return false;
    }
  }

  /** Rows do not stand on lines of their own. */
  private static final class NotLinesException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** Writes rows as JSON lines. */
  private void write(boolean[] held, Path train, Path validation) throws IOException {
    AtomicFiles.write(
        train,
        kept ->
            AtomicFiles.write(
                validation,
                heldOut -> {
                  int[] next = {0};
                  forEachRow(row -> writeRow(row, held[next[0]++] ? heldOut : kept));
                }));
  }

  private static void writeRow(DataRow row, OutputStream out) {
    if (!row.losses().isEmpty()) {
      throw new DataException(
          row.row().origin(),
          "cannot be written as JSON lines without loss: "
              + String.join("; ", row.losses())
              + ". Convert the file first (graft convert --allow-loss).");
    }
    try {
      out.write((RowWriter.own(row) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path target(String side) {
    String name =
        String.valueOf(file.getFileName())
            .replaceFirst("(?i)(\\.(jsonl|ndjson|json|csv|tsv|parquet))?(\\.(gz|zst|zstd))?$", "");
    Path target =
        output == null
            ? file.toAbsolutePath().resolveSibling(name + "." + side + ".jsonl")
            : output.toAbsolutePath().resolve(side + ".jsonl");
    if (Files.exists(target) && !overwrite) {
      throw new UserException(target + " is there already. Name another --output, or --overwrite.");
    }
    return target;
  }

  static Path parent(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file.toAbsolutePath() : parent;
  }
}
