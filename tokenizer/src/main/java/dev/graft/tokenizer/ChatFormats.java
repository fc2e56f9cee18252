package dev.graft.tokenizer;

import java.nio.file.Path;

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
   * @param checkpoint the base model's folder
   * @param template {@code auto} or {@code plain}
   * @throws DataException if there is no such template
   */
  public static Choice forBase(Path checkpoint, String template) {
    return switch (template) {
      case "plain" -> new Choice(new PlainFormat(), "plain, as data.template says");
      case "auto" ->
          new Choice(
              new PlainFormat(), "plain, because " + checkpoint + " brings no chat template");
      default ->
          throw new DataException(
              "data.template: \"" + template + "\" is not known. Use auto or plain.");
    };
  }
}
