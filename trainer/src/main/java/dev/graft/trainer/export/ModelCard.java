package dev.graft.trainer.export;

import dev.graft.modelio.StrictJson;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.config.RunConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The README.md beside exported weights: base, data, hyperparameters, scores, licence, and how to
 * serve it. Says what is not known rather than leave it out.
 */
final class ModelCard {
  private static final long MAX_METRICS_BYTES = 1 << 28;
  private static final long MAX_DATA_BYTES = 1 << 30;
  private static final Pattern LICENCE = Pattern.compile("(?m)^license(?:_name|_link)?: *.+$");

  private final ExportSource source;
  private final Path base;
  private final String baseName;
  private final Optional<PeftConfig> peft;
  private final String library;

  /**
   * A card for one artifact.
   *
   * @param base the base's folder
   * @param baseName what servers call it
   * @param peft the adapter's configuration; absent for a whole model
   * @param library {@code peft} or {@code transformers}
   */
  ModelCard(
      ExportSource source, Path base, String baseName, Optional<PeftConfig> peft, String library) {
    this.source = source;
    this.base = base;
    this.baseName = baseName;
    this.peft = peft;
    this.library = library;
  }

  /**
   * The card's text.
   *
   * @param serving lines that serve it
   */
  String text(List<String> serving, List<String> limits) throws IOException {
    StringBuilder card = new StringBuilder("---\n");
    card.append("base_model: ").append(quoted(trainedFrom())).append('\n');
    card.append("library_name: ").append(library).append('\n');
    card.append("pipeline_tag: text-generation\n");
    card.append(peft.isPresent() ? "tags:\n- lora\n- graft\n" : "tags:\n- graft\n");
    card.append(String.join("\n", licence())).append("\n---\n\n");
    card.append("# ").append(source.name()).append("\n\n");
    card.append(
        peft.isEmpty()
            ? (source.config().isPresent()
                    ? "`%s`, all its weights trained.\n"
                    : "`%s` as it is.\n")
                .formatted(trainedFrom())
            : library.equals("peft")
                ? "A LoRA adapter for `%s`.\n".formatted(baseName)
                : "`%s` with a LoRA adapter merged in.\n".formatted(baseName));
    section(card, "Base", List.of("`" + (peft.isPresent() ? source.base() : trainedFrom()) + "`"));
    section(card, "Data", data());
    section(card, "Hyperparameters", hyperparameters());
    section(card, "Scores", scores());
    card.append("\n## Serve it\n\n```sh\n").append(String.join("\n", serving)).append("\n```\n");
    for (String limit : limits) {
      card.append("\n").append(limit).append('\n');
    }
    card.append("\n`parity.json`, one folder up, certifies that these files say what ")
        .append(peft.isPresent() ? "base and adapter say" : "the model says")
        .append(" in the\ntrainer; `graft verify` repeats it.\n");
    return card.toString();
  }

  /** What the run began with; the model itself where no run is known. */
  private String trainedFrom() {
    return peft.isPresent() ? baseName : source.config().map(RunConfig::base).orElse(baseName);
  }

  private static String quoted(String text) {
    return JsonMapper.shared().writeValueAsString(text);
  }

  private static void section(StringBuilder card, String title, List<String> lines) {
    card.append("\n## ").append(title).append("\n\n");
    lines.forEach(line -> card.append("- ").append(line).append('\n'));
  }

  /** The base's own licence fields, which bind what is made from it. */
  private List<String> licence() throws IOException {
    Path own = base.resolve("README.md");
    Path card = Files.isRegularFile(own) ? own : base.resolve("README.base.md");
    List<String> fields = new ArrayList<>();
    if (Files.isRegularFile(card)) {
      String text = new String(Files.readAllBytes(card), StandardCharsets.UTF_8);
      int end = text.startsWith("---") ? text.indexOf("\n---", 3) : -1;
      Matcher matcher = LICENCE.matcher(end < 0 ? "" : text.substring(0, end));
      matcher.results().forEach(match -> fields.add(match.group()));
    }
    return fields.isEmpty()
        ? List.of("license: other # the base's folder names none: look its licence up")
        : fields;
  }

  private List<String> data() {
    Optional<Path> file = source.run().map(run -> run.resolve("data.json"));
    if (file.isEmpty() || !Files.isRegularFile(file.get())) {
      return List.of("not known: there is no data.json beside it");
    }
    JsonNode json = StrictJson.readObject(file.get(), MAX_DATA_BYTES);
    List<String> lines = new ArrayList<>();
    for (String part : List.of("train", "validation")) {
      for (JsonNode entry : json.path(part)) {
        lines.add(
            "%s: `%s`, %d rows, sha256 `%s`"
                .formatted(
                    part,
                    Path.of(entry.path("file").asString("?")).getFileName(),
                    entry.path("rows").size(),
                    entry.path("sha256").asString("?")));
      }
    }
    return lines;
  }

  private List<String> hyperparameters() {
    List<String> lines = new ArrayList<>();
    peft.ifPresentOrElse(
        config -> addAdapter(config, lines),
        () ->
            lines.add(
                source.config().isPresent()
                    ? "all weights are trained"
                    : "not known: there is no config.yaml beside the model"));
    source
        .config()
        .map(RunConfig::training)
        .ifPresent(training -> {
          lines.add(
              "%s epochs, %d conversations a step, learning rate %s, schedule %s, weight decay %s"
                  .formatted(
                      training.epochs().isPresent()
                          ? number(training.epochs().getAsDouble())
                          : "some",
                      training.batchSize(),
                      number(training.learningRate()),
                      training.schedule().name().toLowerCase(Locale.ROOT),
                      number(training.weightDecay())));
          lines.add("seed " + training.seed());
        });
    return lines;
  }

  private static void addAdapter(PeftConfig peft, List<String> lines) {
    lines.add(
        "rank %d, alpha %s%s, dropout %s"
            .formatted(
                peft.rank(), number(peft.alpha()), Serving.kind(peft), number(peft.dropout())));
    lines.add(
        "target modules: "
            + switch (peft.targetModules()) {
              case TargetModules.Names(var names) -> String.join(", ", names);
              case TargetModules.AllLinear() -> "all linear layers";
              case TargetModules.Expression(String regex) -> "`" + regex + "`";
            });
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? String.valueOf((long) value)
        : String.valueOf(value);
  }

  /** The base's and the last evaluation of the run. */
  private List<String> scores() {
    Optional<Path> file = source.run().map(run -> run.resolve("metrics.jsonl"));
    if (file.isEmpty() || !Files.isRegularFile(file.get())) {
      return List.of("not known: there is no metrics.jsonl beside it");
    }
    List<JsonNode> evaluations = new ArrayList<>();
    String text =
        new String(StrictJson.readBounded(file.get(), MAX_METRICS_BYTES), StandardCharsets.UTF_8);
    for (String line : text.lines().toList()) {
      if (!line.isBlank()) {
        JsonNode json = StrictJson.parseObject(line.getBytes(StandardCharsets.UTF_8), "" + file);
        if (json.path("loss").isNumber() && !json.path("kind").asString("").equals("step")) {
          evaluations.add(json);
        }
      }
    }
    if (evaluations.isEmpty()) {
      return List.of("none: the run had no validation data");
    }
    List<String> lines = new ArrayList<>();
    lines.add(score("base", evaluations.getFirst()));
    if (evaluations.size() > 1) {
      lines.add(score(peft.isPresent() ? "adapter" : "model", evaluations.getLast()));
    }
    return lines;
  }

  private static String score(String what, JsonNode evaluation) {
    double loss = evaluation.path("loss").asDouble(Double.NaN);
    return String.format(
        Locale.ROOT,
        "validation loss of the %s (step %d): %.4f nats a token, perplexity %.2f",
        what,
        evaluation.path("step").asInt(0),
        loss,
        Math.exp(loss));
  }
}
