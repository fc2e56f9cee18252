package dev.graft.trainer.cli;

import dev.graft.tokenizer.DataFormat;
import dev.graft.trainer.compare.assess.Assessment;
import dev.graft.trainer.compare.assess.DataFacts;
import dev.graft.trainer.config.UserException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft assess}. */
@Command(
    name = "assess",
    description = {
      "Reads a dataset and says which road fits: prompt, few-shot, LoRA or hosted fine-tuning.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Rules of thumb, each with its reason. Prices are yours to give; none are built in.",
      "",
      "Examples:",
      "  ./graft assess configs/quickstart/train.jsonl",
      "  ./graft assess configs/quickstart/train.jsonl --requests-per-day 5000 \\",
      "    --prompt-tokens 1500 --input-price 3 --output-price 15 --hardware-per-month 200"
    })
final class AssessCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "DATA", description = "Conversations.")
  private Path file = Path.of("");

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "auto",
      description = "As data.format of a run (default: ${DEFAULT-VALUE}).")
  private String format = "auto";

  @Option(
      names = "--column",
      paramLabel = "NAME=COLUMN",
      description = "What a key is called in the file: --column prompt=Question. May be repeated.")
  private Map<String, String> columns = new LinkedHashMap<>();

  @Option(names = "--requests-per-day", paramLabel = "N", description = "How often it is asked.")
  private @Nullable Double requestsPerDay;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "N",
      description = "Tokens of the system prompt in use today; default: the data's own.")
  private @Nullable Double promptTokens;

  @Option(
      names = "--input-price",
      paramLabel = "P",
      description = "What a provider asks for a million tokens read.")
  private @Nullable Double inputPrice;

  @Option(
      names = "--output-price",
      paramLabel = "P",
      description = "What a provider asks for a million tokens written.")
  private @Nullable Double outputPrice;

  @Option(
      names = "--hardware-per-month",
      paramLabel = "P",
      description = "Depreciation, power and care of own hardware.")
  private @Nullable Double hardwarePerMonth;

  @Option(names = "--on-premise", description = "The data may not leave the house.")
  private boolean onPremise;

  @Override
  public Integer call() {
    var situation =
        new Assessment.Situation(
            optional("--requests-per-day", requestsPerDay),
            optional("--prompt-tokens", promptTokens),
            optional("--input-price", inputPrice),
            optional("--output-price", outputPrice),
            optional("--hardware-per-month", hardwarePerMonth),
            !onPremise);
    DataFacts facts = DataFacts.of(file, DataFormat.parse(format), columns);
    Assessment assessment = Assessment.of(facts, situation);
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        String.format(
            Locale.ROOT,
            "%,d conversations; answers of %,d / %,d / %,d tokens (10 / 50 / 90 %%), prompts of"
                + " %,.0f, system messages of %,.0f, at 4 characters a token",
            facts.conversations(),
            facts.answerTokens().get(0),
            facts.answerTokens().get(1),
            facts.answerTokens().get(2),
            facts.promptTokens(),
            facts.systemTokens()));
    out.println();
    out.println("advice: " + assessment.road().words());
    assessment.reasons().forEach(reason -> out.println("  - " + reason));
    out.println();
    out.println("cost");
    assessment.money().forEach(line -> out.println("  - " + line));
    out.println();
    out.println("plan");
    assessment.plan().forEach(step -> out.println("  - " + step));
    out.flush();
    return 0;
  }

  private static OptionalDouble optional(String option, @Nullable Double value) {
    if (value == null) {
      return OptionalDouble.empty();
    }
    if (!(value >= 0) || value.isInfinite()) {
      throw new UserException("%s: is %s, has to be at least 0".formatted(option, value));
    }
    return OptionalDouble.of(value);
  }
}
