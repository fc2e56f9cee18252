package dev.graft.tokenizer;

import java.util.List;

/**
 * A text of which some stretches are somebody's words. In those a string that looks like a special
 * token ({@code </s>}, {@code <|im_end|>}) is only text; elsewhere it is the token.
 *
 * @param text the whole text
 * @param literal the stretches that are words, in ascending order, not overlapping
 */
public record MarkedText(String text, List<Span> literal) {
  public MarkedText {
    literal = List.copyOf(literal);
    int end = 0;
    for (Span span : literal) {
      if (span.start() < end || span.end() > text.length()) {
        throw new IllegalArgumentException(
            span + " is out of order or beyond " + text.length() + " characters");
      }
      end = span.end();
    }
  }

  /** Text that is words from beginning to end. */
  public static MarkedText allLiteral(String text) {
    return new MarkedText(text, List.of(new Span(0, text.length())));
  }

  /** Text in which every string that looks like a special token is one. */
  public static MarkedText noneLiteral(String text) {
    return new MarkedText(text, List.of());
  }
}
