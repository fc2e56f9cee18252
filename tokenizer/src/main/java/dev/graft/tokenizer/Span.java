package dev.graft.tokenizer;

/**
 * A stretch of a text, in UTF-16 indices as {@link String#substring(int, int)} takes them.
 *
 * @param start the first character
 * @param end after the last character; equal to start for an empty stretch
 */
public record Span(int start, int end) {
  public Span {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException("no span: " + start + " to " + end);
    }
  }

  /** Whether at least one character lies in both. */
  public boolean overlaps(int otherStart, int otherEnd) {
    return Math.max(start, otherStart) < Math.min(end, otherEnd);
  }
}
