package dev.graft.tokenizer.template;

import java.util.Arrays;

/**
 * Collects text with its tags. It is the interpreter's output, and what every string operation
 * builds its result with; it also holds the limit on what one rendering may produce.
 */
final class StrBuilder {
  /** UTF-16 units in one string: far above any context window, far below the heap. */
  static final int MAX_LENGTH = 16 << 20;

  private final StringBuilder text;
  private int[] ends = new int[8];
  private long[] tags = new long[8];
  private int stretches;

  /** Tag of the turn being printed: given to text that has no message of its own. */
  private long turn;

  /** The generation block being printed, counted from 1; 0 outside of one. */
  private int generation;

  StrBuilder() {
    this(64);
  }

  StrBuilder(int capacity) {
    text = new StringBuilder(Math.min(capacity, MAX_LENGTH));
  }

  void turn(long turnTag) {
    turn = turnTag;
  }

  void generation(int ordinal) {
    generation = ordinal;
  }

  StrBuilder append(String added) {
    return append(added, 0);
  }

  StrBuilder append(String added, long tag) {
    if (added.isEmpty()) {
      return this;
    }
    grow(added.length());
    text.append(added);
    mark(text.length(), tag);
    return this;
  }

  StrBuilder append(char added) {
    grow(1);
    text.append(added);
    mark(text.length(), 0);
    return this;
  }

  StrBuilder append(Str added) {
    if (!added.isTagged()) {
      return append(added.text(), 0);
    }
    grow(added.text().length());
    int start = text.length();
    text.append(added.text());
    for (int i = 0; i < added.stretches(); i++) {
      mark(start + added.stretchEnd(i), added.stretchTag(i));
    }
    return this;
  }

  private void grow(int added) {
    if (added > MAX_LENGTH - text.length()) {
      throw PyError.limit(
          "the text grows beyond "
              + MAX_LENGTH
              + " characters; split the conversation or correct the template");
    }
  }

  private void mark(int end, long tag) {
    long full = turn == 0 ? tag : Str.orTurn(tag, turn);
    if (generation != 0) {
      full = Str.inGeneration(full, generation);
    }
    if (stretches > 0 && tags[stretches - 1] == full) {
      ends[stretches - 1] = end;
      return;
    }
    if (stretches == ends.length) {
      ends = Arrays.copyOf(ends, 2 * stretches);
      tags = Arrays.copyOf(tags, 2 * stretches);
    }
    ends[stretches] = end;
    tags[stretches++] = full;
  }

  int length() {
    return text.length();
  }

  String text() {
    return text.toString();
  }

  Str toStr() {
    if (stretches == 0) {
      return Str.EMPTY;
    }
    if (stretches == 1 && tags[0] == 0) {
      return new Str(text.toString());
    }
    return new Str(
        text.toString(), Arrays.copyOf(ends, stretches), Arrays.copyOf(tags, stretches), false);
  }
}
