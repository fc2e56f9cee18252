package dev.graft.trainer.cli;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.check.CheckReport;
import dev.graft.tokenizer.check.DataCheck;
import dev.graft.trainer.bench.ProductRate;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.runtime.Hardware;
import dev.graft.trainer.runtime.Meanwhile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft check}. */
@Command(
    name = "check",
    description = {"Looks through data for what will hurt, before anything is trained.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Exit code 0: clean, or warnings only; 1: warnings, with --strict; 2: errors.",
      "",
      "Examples:",
      "  ./graft check configs/quickstart/train.jsonl --base configs/quickstart/model --show 1 \\",
      "    --validation configs/quickstart/validation.jsonl",
      "  ./graft check configs/quickstart/train.jsonl --json"
    })
final class CheckCommand implements Callable<Integer> {

  private static final int WARNINGS = 1;

  /** Rows on a page, where nobody says how many. */
  private static final int SHOWN = 3;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private DataOptions data = new DataOptions();

  @Parameters(arity = "1..*", paramLabel = "DATA", description = "The training data.")
  private List<Path> files = new ArrayList<>();

  @Option(
      names = "--validation",
      paramLabel = "FILE",
      description = "Validation data, which must not be in the training data.")
  private List<Path> validation = new ArrayList<>();

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description = "Base model, for lengths and learned tokens. Without it only text is checked.")
  private @Nullable String base;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "The longest row in tokens; default: what the base model allows.")
  private @Nullable Integer maxLength;

  @Option(
      names = "--show",
      paramLabel = "N",
      description = "Show the first N rows with learned and ignored tokens apart.")
  private int show;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description =
          "Write the report as a page, with the rows of --show (default: 3) if --base is given.")
  private @Nullable Path html;

  @Option(names = "--strict", description = "Warnings make the exit code 1.")
  private boolean strict;

  @Option(names = "--json", description = "For programs.")
  private boolean json;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "8",
      description = "Conversations per step, to tell steps (default: ${DEFAULT-VALUE}).")
  private int batchSize;

  @Option(
      names = "--micro-batch-tokens",
      paramLabel = "N",
      defaultValue = "2048",
      description = "To tell how well rows pack (default: ${DEFAULT-VALUE}).")
  private int microBatchTokens;

  @Option(
      names = "--tokens-per-second",
      paramLabel = "R",
      description =
          "The rate of training, to tell the time of an epoch; default: what this machine's"
              + " products allow.")
  private @Nullable Double tokensPerSecond;

  @Override
  public Integer call() throws IOException {
    refuseNonsense();
    PrintWriter out = spec.commandLine().getOut();
    try (Meanwhile<Optional<Kernels>> kernels = kernelsToMeasure();
        DataOptions.@Nullable Encoder encoder = base == null ? null : encoder(base)) {
      CheckReport report = check(encoder);
      CheckPrinter printer = printer(kernels.await());
      List<TokenSequence> shown = encoder == null ? List.of() : firstRows(encoder);
      TokenView view = encoder == null ? null : new TokenView(encoder.encoder().tokenizer());
      out.print(
          json
              ? printer.json(report, view == null ? List.of() : tokens(shown, view))
              : printer.text(report));
      if (encoder != null && view != null && show > 0 && !json) {
        print(shown, view, encoder.reason(), out);
      }
      if (html != null) {
        CheckPage page = new CheckPage("Check of " + names(files), report, printer);
        if (encoder != null && view != null) {
          page.rows(shown, view, encoder.reason());
        }
        Files.createDirectories(SplitCommand.parent(html));
        AtomicFiles.writeText(html.toAbsolutePath(), page.html());
      }
      out.flush();
      return report.hasErrors()
          ? Failures.USER
          : strict && !report.findings().isEmpty() ? WARNINGS : 0;
    }
  }

  private void refuseNonsense() {
    if (base == null && show > 0) {
      throw new UserException("--show: needs --base, whose tokens it shows");
    }
    if (show < 0) {
      throw new UserException("--show: " + show + " is negative");
    }
    if (batchSize < 1 || microBatchTokens < 1) {
      throw new UserException("--batch-size and --micro-batch-tokens: have to be at least 1");
    }
    if (maxLength != null && maxLength < 2) {
      throw new UserException("--max-length: " + maxLength + " is too short, at least 2");
    }
    if (tokensPerSecond != null && !(tokensPerSecond > 0)) {
      throw new UserException("--tokens-per-second: " + tokensPerSecond + " is not above 0");
    }
    if (html != null && Files.isDirectory(html)) {
      throw new UserException("--html: " + html + " is a folder. Name a file.");
    }
  }

  private static String names(List<Path> files) {
    return files.getFirst().getFileName()
        + (files.size() > 1 ? " and %d more".formatted(files.size() - 1) : "");
  }

  private DataOptions.Encoder encoder(String model) {
    return data.encoder(DataOptions.folder(model));
  }

  private CheckReport check(DataOptions.@Nullable Encoder encoder) {
    OptionalInt longest =
        maxLength != null
            ? OptionalInt.of(maxLength)
            : base == null ? OptionalInt.empty() : DataOptions.longest(DataOptions.folder(base));
    PrintWriter err = spec.commandLine().getErr();
    try (CheckProgress progress = new CheckProgress(err, Console.isTerminal(), System::nanoTime)) {
      return new DataCheck(
              data.format(),
              data.columns(),
              encoder == null ? null : encoder.encoder(),
              longest,
              progress)
          .run(files, validation);
    }
  }

  /**
   * What computes on this machine, where the time of an epoch is to be told from its products. Its
   * native libraries load while data is read.
   */
  private Meanwhile<Optional<Kernels>> kernelsToMeasure() {
    return tokensPerSecond != null || base == null || !Files.exists(modelConfig(base))
        ? Meanwhile.done(Optional.empty())
        : Meanwhile.start("graft-hardware", () -> Optional.of(open()));
  }

  private static Kernels open() {
    return Hardware.open(Precision.AUTO, DeviceChoice.AUTO, KernelsChoice.AUTO);
  }

  private static Path modelConfig(String base) {
    return DataOptions.folder(base).resolve("config.json");
  }

  /**
   * @param measured says how fast this machine would train the base at most; closed here
   */
  private CheckPrinter printer(Optional<Kernels> measured) {
    OptionalDouble rate =
        tokensPerSecond == null ? OptionalDouble.empty() : OptionalDouble.of(tokensPerSecond);
    if (measured.isPresent() && base != null) {
      try (Kernels kernels = measured.get()) {
        ModelConfig model = ModelConfig.read(modelConfig(base));
        rate = OptionalDouble.of(ProductRate.tokensPerSecond(model, kernels));
      }
    }
    return new CheckPrinter(batchSize, microBatchTokens, rate, tokensPerSecond != null);
  }

  /** The first rows that can be read, as tokens. */
  private List<TokenSequence> firstRows(DataOptions.Encoder encoder) {
    int wanted = show > 0 ? show : html != null ? SHOWN : 0;
    List<TokenSequence> sequences = new ArrayList<>();
    if (wanted == 0) {
      return sequences;
    }
    try (ConversationReader rows =
        ConversationReader.openUnread(files.getFirst(), data.format(), data.columns())) {
      boolean more = true;
      while (more && sequences.size() < wanted) {
        try {
          DataRow row = rows.read();
          more = row != null;
          if (row != null) {
            sequences.add(
                switch (row.row()) {
                  case Conversation conversation -> encoder.encoder().encode(conversation);
                  case TokenSequence tokens -> tokens;
                });
          }
        } catch (DataException _) {
          // The report has named it.
          more = rows.skipWrongRow();
        }
      }
    }
    return sequences;
  }

  private static void print(
      List<TokenSequence> shown, TokenView view, String chatFormat, PrintWriter out) {
    boolean colours = Console.showsColours(Console.isTerminal(), System.getenv());
    out.print("\nchat format: " + chatFormat + "\n");
    for (TokenSequence sequence : shown) {
      out.print("\n" + (colours ? view.coloured(sequence) : view.marked(sequence)));
    }
  }

  private static List<Map<String, Object>> tokens(List<TokenSequence> shown, TokenView view) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (TokenSequence sequence : shown) {
      var row = new LinkedHashMap<String, Object>();
      row.put("file", String.valueOf(sequence.origin().file()));
      row.put("line", sequence.origin().line());
      row.put("tokens", view.shown(sequence));
      rows.add(row);
    }
    return rows;
  }
}
