package dev.graft.trainer.cli;

import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFiles;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.split.DataSplit;
import dev.graft.tokenizer.split.RowWriter;
import dev.graft.tokenizer.split.SplitRule;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runs.AtomicFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
    List<DataRow> rows = read();
    boolean[] held = DataSplit.heldOut(rows, share, rule);
    List<String> texts = texts(rows);
    StringBuilder kept = new StringBuilder();
    StringBuilder heldOut = new StringBuilder();
    int count = 0;
    for (int i = 0; i < held.length; i++) {
      (held[i] ? heldOut : kept).append(texts.get(i));
      count += held[i] ? 1 : 0;
    }
    Files.createDirectories(parent(train));
    AtomicFiles.writeText(train, kept.toString());
    AtomicFiles.writeText(validation, heldOut.toString());
    PrintWriter out = spec.commandLine().getOut();
    out.println("%,d rows to train on: %s".formatted(held.length - count, Words.here("" + train)));
    out.println("%,d rows held out: %s".formatted(count, Words.here("" + validation)));
    out.flush();
    return 0;
  }

  private List<DataRow> read() {
    List<DataRow> rows = new ArrayList<>();
    try (ConversationReader reader =
        ConversationReader.openUnread(file, DataFormat.parse(format), columns)) {
      for (DataRow row = reader.read(); row != null; row = reader.read()) {
        rows.add(row);
      }
    }
    if (rows.size() < 2) {
      throw new DataException(file + " holds " + rows.size() + " rows, too few to divide.");
    }
    return rows;
  }

  private List<String> texts(List<DataRow> rows) {
    List<Origin> origins = rows.stream().map(row -> row.row().origin()).toList();
    Optional<List<String>> asTheyAre = DataFiles.rowTexts(file, origins);
    if (asTheyAre.isPresent()) {
      return asTheyAre.get();
    }
    for (DataRow row : rows) {
      if (!row.losses().isEmpty()) {
        throw new DataException(
            row.row().origin(),
            "cannot be written as JSON lines without loss: "
                + String.join("; ", row.losses())
                + ". Convert the file first (graft convert --allow-loss).");
      }
    }
    return rows.stream().map(row -> RowWriter.own(row) + "\n").toList();
  }

  private Path target(String side) {
    String name = String.valueOf(file.getFileName()).replaceFirst("\\..*$", "");
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
