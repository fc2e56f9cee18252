package dev.graft.tokenizer.template;

import java.util.List;

/**
 * A rendered conversation.
 *
 * @param text byte for byte what {@code apply_chat_template(tokenize=False)} returns
 * @param assistantSpans one span for each message whose role is {@code assistant}, in order; see
 *     {@link ChatTemplate#render}
 * @param generationSpans what {@code {% generation %}} blocks printed, in order; empty blocks are
 *     left out
 */
public record Rendering(String text, List<Span> assistantSpans, List<Span> generationSpans) {
  public Rendering {
    assistantSpans = List.copyOf(assistantSpans);
    generationSpans = List.copyOf(generationSpans);
  }
}
