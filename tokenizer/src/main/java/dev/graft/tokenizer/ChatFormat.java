package dev.graft.tokenizer;

import java.util.List;

/** How conversations are laid out as text for a model, and which parts of it the model learns. */
public sealed interface ChatFormat permits PlainFormat, TemplateFormat {
  /** The whole conversation, for training. */
  Rendered render(Conversation conversation);

  /**
   * The conversation up to the place where the assistant begins to answer, for generation.
   *
   * @param messages an optional system message, then human and assistant in turn, a human last
   * @throws DataException if they are in another order
   */
  Rendered prompt(List<Message> messages);

  /**
   * The layout as a chat template in Jinja, for whatever serves the model: what Hugging Face calls
   * {@code chat_template.jinja}.
   */
  String jinja();

  /**
   * Refuses messages that no answer can follow.
   *
   * @throws DataException in words for the user
   */
  static void checkPrompt(List<Message> messages) {
    if (messages.isEmpty() || messages.getLast().role() != Role.HUMAN) {
      throw new DataException("A prompt must end with a human message, which is then answered.");
    }
    Conversation.problemWithOrder(messages)
        .ifPresent(problem -> {
          throw new DataException("The prompt's " + problem);
        });
  }
}
