package dev.graft.trainer.cli;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.Row;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.check.CheckReport;
import dev.graft.tokenizer.check.DataCheck;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.AtomicFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
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
      description = "Write the rows of --show (default: 3) as a page.")
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
      description = "Your machine's rate in training, to tell the time of an epoch.")
  private @Nullable Double tokensPerSecond;

  @Override
  public Integer call() throws IOException {
    if (base == null && (show > 0 || html != null)) {
      throw new UserException("--show and --html: need --base, whose tokens they show");
    }
    if (batchSize < 1 || microBatchTokens < 1) {
      throw new UserException("--batch-size and --micro-batch-tokens: have to be at least 1");
    }
    PrintWriter out = spec.commandLine().getOut();
    try (DataOptions.@Nullable Encoder encoder = base == null ? null : encoder(base)) {
      CheckReport report = check(encoder);
      CheckPrinter printer =
          new CheckPrinter(
              batchSize,
              microBatchTokens,
              tokensPerSecond == null
                  ? OptionalDouble.empty()
                  : OptionalDouble.of(tokensPerSecond));
      out.print(json ? printer.json(report) : printer.text(report));
      if (encoder != null) {
        show(encoder, out);
      }
      out.flush();
      return report.hasErrors()
          ? Failures.USER
          : strict && !report.findings().isEmpty() ? WARNINGS : 0;
    }
  }

  private DataOptions.Encoder encoder(String model) {
    return data.encoder(DataOptions.folder(model));
  }

  private CheckReport check(DataOptions.@Nullable Encoder encoder) {
    OptionalInt longest =
        maxLength != null
            ? OptionalInt.of(maxLength)
            : base == null ? OptionalInt.empty() : DataOptions.longest(DataOptions.folder(base));
    return new DataCheck(
            data.format(),
            data.columns(),
            encoder == null ? null : encoder.encoder(),
            longest,
            progress())
        .run(files, validation);
  }

  /** A line on standard error that keeps changing, or one now and then where that is a file. */
  private LongConsumer progress() {
    boolean live = Console.isTerminal();
    long[] last = {System.nanoTime()};
    PrintWriter err = spec.commandLine().getErr();
    return rows -> {
      long now = System.nanoTime();
      if (now - last[0] > (live ? 200_000_000L : 10_000_000_000L)) {
        last[0] = now;
        err.print(live ? "\r%,d rows…\033[K\r".formatted(rows) : "%,d rows…%n".formatted(rows));
        err.flush();
      }
    };
  }

  private void show(DataOptions.Encoder encoder, PrintWriter out) throws IOException {
    int wanted = show > 0 ? show : html != null ? 3 : 0;
    if (wanted == 0) {
      return;
    }
    List<TokenSequence> sequences = new ArrayList<>();
    try (ConversationReader rows =
        ConversationReader.open(files.getFirst(), data.format(), data.columns())) {
      for (Row row : rows) {
        sequences.add(
            switch (row) {
              case Conversation conversation -> encoder.encoder().encode(conversation);
              case TokenSequence tokens -> tokens;
            });
        if (sequences.size() == wanted) {
          break;
        }
      }
    }
    TokenView view = new TokenView(encoder.encoder().tokenizer());
    if (html != null) {
      try {
        AtomicFiles.writeText(
            html.toAbsolutePath(), view.page("Tokens of " + files.getFirst(), sequences));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    if (show > 0 && !json) {
      boolean colours = Console.isTerminal() && System.getenv("NO_COLOR") == null;
      out.print("\nchat format: " + encoder.reason() + "\n");
      for (TokenSequence sequence : sequences) {
        out.print("\n" + (colours ? view.coloured(sequence) : view.marked(sequence)));
      }
    }
  }
}
