package dev.graft.tokenizer;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Picks the chat format of a run, the key {@code data.template}. */
public final class ChatFormats {
  private ChatFormats() {}

  /**
   * A format and why it was picked.
   *
   * @param format what conversations are laid out with
   * @param reason a sentence for people
   */
  public record Choice(ChatFormat format, String reason) {}

  /**
   * Picks the format.
   *
   * <p>A checkpoint's template is looked for where transformers looks: {@code chat_template.jinja},
   * then {@code chat_template} in tokenizer_config.json (a string, or a list of which the one named
   * {@code default} is taken), then {@code chat_template.json}.
   *
   * @param checkpoint the base model's folder
   * @param template {@code auto} (the checkpoint's own template if it brings one, else plain),
   *     {@code plain}, or the path of a Jinja file
   * @throws DataException if there is no such template, or it is outside of what is supported
   */
  public static Choice forBase(Path checkpoint, String template) {
    return forBase(checkpoint, template, Clock.systemDefaultZone());
  }

  static Choice forBase(Path checkpoint, String template, Clock clock) {
    Clock moment = Clock.fixed(clock.instant(), clock.getZone());
    return switch (template) {
      case "plain" -> new Choice(new PlainFormat(), "plain, as data.template says");
      case "auto" ->
          find(checkpoint)
              .map(found ->
                  new Choice(
                      TemplateFormat.parse(found.source(), found.file(), checkpoint, moment),
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

  private record Found(String source, Path file) {}

  private static Optional<Found> find(Path checkpoint) {
    Path jinja = checkpoint.resolve("chat_template.jinja");
    if (Files.isRegularFile(jinja)) {
      return Optional.of(new Found(text(jinja), jinja));
    }
    Path config = checkpoint.resolve("tokenizer_config.json");
    Path json = checkpoint.resolve("chat_template.json");
    return inJson(config).or(() -> inJson(json));
  }

  private static Optional<Found> inJson(Path file) {
    JsonNode template = JsonFiles.optionalObject(file).path("chat_template");
    if (template.isString()) {
      return Optional.of(new Found(template.stringValue(), file));
    }
    if (!template.isArray()) {
      return Optional.empty();
    }
    for (JsonNode named : template) {
      if (named.path("name").asString("").equals("default") && named.path("template").isString()) {
        return Optional.of(new Found(named.path("template").stringValue(), file));
      }
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
            + "\" is neither auto nor plain nor a file. Use one of those.");
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
