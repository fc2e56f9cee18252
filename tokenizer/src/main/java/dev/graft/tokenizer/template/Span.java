package dev.graft.tokenizer.template;

/**
 * A stretch of rendered text.
 *
 * @param message index of the message it belongs to; -1 where a {@code {% generation %}} block
 *     stands outside of the loop over the messages
 * @param start UTF-16 index of its first character
 * @param end UTF-16 index behind its last character
 */
public record Span(int message, int start, int end) {
  public Span {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException("a span from " + start + " to " + end);
    }
  }
}
