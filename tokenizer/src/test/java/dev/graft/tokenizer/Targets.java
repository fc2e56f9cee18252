package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What is learned of a sequence, as a person would read it. */
final class Targets {
  private Targets() {}

  /** The text of each run of targets. */
  static List<String> texts(Tokenizer tokenizer, TokenSequence sequence) {
    List<String> texts = new ArrayList<>();
    int start = -1;
    for (int i = 0; i <= sequence.length(); i++) {
      boolean isTarget = i < sequence.length() && sequence.target()[i];
      if (isTarget && start < 0) {
        start = i;
      } else if (!isTarget && start >= 0) {
        texts.add(tokenizer.decode(Arrays.copyOfRange(sequence.inputIds(), start, i), false));
        start = -1;
      }
    }
    return texts;
  }
}
