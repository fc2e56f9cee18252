package dev.graft.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Picks the chat format of a run, the key {@code data.template}. */
public final class ChatFormats {
  /** The layouts that have a name, in Jinja, each with its rule for the end of an answer. */
  private static final Map<String, String> NAMED =
      Map.of(
          "llama3", "<|eot_id|>",
          "llama2", "EOS",
          "mistral", "EOS",
          "chatml", "<|im_end|>",
          "zephyr", "EOS");

  /** Where Hugging Face keeps a chat template, beside a model's or an adapter's weights. */
  public static final String TEMPLATE_FILE = "chat_template.jinja";

  private ChatFormats() {}

  /**
   * A format and why it was picked.
   *
   * @param format what conversations are laid out with
   * @param reason a sentence for people
   */
  public record Choice(ChatFormat format, String reason) {}

  /** What {@code data.template} may say beside a file: {@code auto}, {@code plain}, … */
  public static List<String> names() {
    return List.of("auto", "llama3", "llama2", "mistral", "chatml", "zephyr", "plain");
  }

  /**
   * Picks the format.
   *
   * <p>A checkpoint's template is looked for where transformers looks: {@code chat_template.jinja}
   * (with others in {@code additional_chat_templates}), then {@code chat_template} in
   * tokenizer_config.json (a string, or a list of named ones), then {@code chat_template.json}. Of
   * several, {@code default} is taken, and {@code tool_use} for conversations that offer tools.
   *
   * @param checkpoint the base model's folder
   * @param template {@code auto} (the checkpoint's own template if it brings one, else plain), a
   *     name of {@link #names}, or the path of a Jinja file
   * @throws DataException if there is no such template, or it is outside of what is supported
   */
  public static Choice forBase(Path checkpoint, String template) {
    return forBase(checkpoint, template, Clock.systemDefaultZone());
  }

  static Choice forBase(Path checkpoint, String template, Clock clock) {
    Clock moment = Clock.fixed(clock.instant(), clock.getZone());
    if (NAMED.containsKey(template)) {
      return named(template, checkpoint, moment);
    }
    return switch (template) {
      case "plain" -> new Choice(new PlainFormat(), "plain, as data.template says");
      case "auto" ->
          find(checkpoint)
              .map(found ->
                  new Choice(
                      TemplateFormat.parse(found.sources(), found.file(), checkpoint, moment),
                      "the model's own chat template, found in " + found.file().getFileName()))
              .orElseGet(() ->
                  new Choice(
                      new PlainFormat(), "plain, because the checkpoint brings no chat template"));
      default -> {
        Path file = existing(template);
        yield new Choice(
            TemplateFormat.parse(text(file), file, checkpoint, moment),
            "the template " + file + ", as data.template says");
      }
    };
  }

  private static String resource(String name) {
    try (InputStream in = ChatFormats.class.getResourceAsStream("templates/" + name + ".jinja")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The source of the template that a folder brings, looked for as {@link #forBase} does.
   *
   * @throws DataException if a file with it is damaged
   */
  public static Optional<String> templateIn(Path folder) {
    return find(folder).map(found -> found.sources().get(TemplateFormat.DEFAULT));
  }

  private static Choice named(String name, Path checkpoint, Clock clock) {
    TemplateFormat format =
        TemplateFormat.parse(resource(name), Path.of(name + ".jinja"), checkpoint, clock);
    String end = NAMED.getOrDefault(name, "");
    Set<String> tokens = TokenizerJson.specialTokens(checkpoint.resolve("tokenizer.json"));
    boolean spelledOut = end.startsWith("<") && !tokens.isEmpty() && !tokens.contains(end);
    return new Choice(
        format,
        name
            + ", as data.template says; answers end with "
            + end
            + (spelledOut
                ? ", which is no token of this base: it is spelled out, and EOS follows the last"
                    + " answer"
                : ""));
  }

  /**
   * The format that an adapter was trained with: {@code chat_template.jinja} in its folder, or,
   * where there is none, what {@code auto} gives for the base.
   *
   * @param checkpoint the base model's folder
   * @param adapter the adapter's folder
   */
  public static Choice forAdapter(Path checkpoint, Path adapter) {
    Path file = adapter.resolve(TEMPLATE_FILE);
    if (!Files.isRegularFile(file)) {
      return forBase(checkpoint, "auto");
    }
    String source = text(file);
    if (source.equals(PlainFormat.JINJA)) {
      return new Choice(new PlainFormat(), "plain, with which the adapter was trained");
    }
    Clock moment =
        Clock.fixed(Clock.systemDefaultZone().instant(), Clock.systemDefaultZone().getZone());
    return new Choice(
        TemplateFormat.parse(source, file, checkpoint, moment),
        "the template with which the adapter was trained");
  }

  /**
   * Templates of a checkpoint.
   *
   * @param sources by their names, {@code default} among them
   */
  private record Found(Map<String, String> sources, Path file) {}

  private static Optional<Found> find(Path checkpoint) {
    Path jinja = checkpoint.resolve("chat_template.jinja");
    if (Files.isRegularFile(jinja)) {
      Map<String, String> sources = new LinkedHashMap<>();
      sources.put(TemplateFormat.DEFAULT, text(jinja));
      Path toolUse =
          checkpoint.resolve("additional_chat_templates/" + TemplateFormat.TOOL_USE + ".jinja");
      if (Files.isRegularFile(toolUse)) {
        sources.put(TemplateFormat.TOOL_USE, text(toolUse));
      }
      return Optional.of(new Found(sources, jinja));
    }
    Path config = checkpoint.resolve("tokenizer_config.json");
    Path json = checkpoint.resolve("chat_template.json");
    return inJson(config).or(() -> inJson(json));
  }

  private static Optional<Found> inJson(Path file) {
    JsonNode template = JsonFiles.optionalObject(file).path("chat_template");
    if (template.isString()) {
      return Optional.of(new Found(Map.of(TemplateFormat.DEFAULT, template.stringValue()), file));
    }
    if (!template.isArray()) {
      return Optional.empty();
    }
    Map<String, String> sources = new LinkedHashMap<>();
    for (JsonNode named : template) {
      if (named.path("template").isString()) {
        sources.put(named.path("name").asString(""), named.path("template").stringValue());
      }
    }
    if (sources.containsKey(TemplateFormat.DEFAULT)) {
      return Optional.of(new Found(sources, file));
    }
    throw new DataException(
        file
            + ": chat_template is a list without one named \"default\"."
            + " Put the one you want into a file and name it in data.template.");
  }

  private static Path existing(String template) {
    try {
      Path file = Path.of(template);
      if (Files.isRegularFile(file)) {
        return file;
      }
    } catch (InvalidPathException _) {
      // Then it is no file either.
    }
    throw new DataException(
        "data.template: \""
            + template
            + "\" is neither one of "
            + String.join(", ", names())
            + " nor a file"
            + Nearest.suggestion(template, names())
            + (Nearest.suggestion(template, names()).isEmpty() ? ". Use one of those." : ""));
  }

  private static String text(Path file) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(JsonFiles.read(file)))
          .toString();
    } catch (CharacterCodingException e) {
      throw new DataException(file + " is not UTF-8. Save it as UTF-8.", e);
    }
  }
}
