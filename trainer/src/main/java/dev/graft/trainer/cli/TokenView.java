package dev.graft.trainer.cli;

import dev.graft.tokenizer.StreamingDecoder;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** Shows which tokens of a conversation are learned: in colours or in marks. */
final class TokenView {

  private static final String LEARNED = "\033[1;32m";
  private static final String IGNORED = "\033[2m";
  private static final String END = "\033[0m";

  /**
   * A token.
   *
   * @param text what it adds to the text; empty while a character is not complete
   */
  record Shown(int id, String text, boolean learned) {}

  private final Tokenizer tokenizer;

  TokenView(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  List<Shown> shown(TokenSequence sequence) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(false);
    List<Shown> tokens = new ArrayList<>();
    for (int i = 0; i < sequence.length(); i++) {
      int id = sequence.inputIds()[i];
      tokens.add(new Shown(id, decoder.next(id), sequence.target()[i]));
    }
    return tokens;
  }

  /** For a terminal: learned tokens bold and green, the others dim. */
  String coloured(TokenSequence sequence) {
    return marked(sequence, LEARNED, END, IGNORED, END);
  }

  /** For a log: learned tokens stand between ⟦ and ⟧. */
  String marked(TokenSequence sequence) {
    return marked(sequence, "⟦", "⟧", "", "");
  }

  private String marked(
      TokenSequence sequence, String on, String off, String ignoredOn, String ignoredOff) {
    StringBuilder text = new StringBuilder(sequence.toString()).append('\n');
    Boolean before = null;
    for (Shown token : shown(sequence)) {
      if (before == null || before != token.learned()) {
        text.append(before == null ? "" : before ? off : ignoredOff);
        text.append(token.learned() ? on : ignoredOn);
        before = token.learned();
      }
      // Control characters of the data must not steer the terminal.
      text.append(token.text().replaceAll("[\\p{Cc}&&[^\\n\\t]]", "\uFFFD"));
    }
    return text.append(before == null ? "" : before ? off : ignoredOff).append('\n').toString();
  }
}
