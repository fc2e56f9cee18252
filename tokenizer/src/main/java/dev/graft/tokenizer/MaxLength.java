package dev.graft.tokenizer;

import java.util.function.Function;

/**
 * What becomes of a row that is too long, {@code data.max-length}. A conversation is cut behind the
 * last answer with which it still fits: the system message and the leading exchanges stay, so what
 * is learned is always a whole answer with its end token after everything that led to it. A
 * conversation of which not even the first exchange fits is skipped, and so is a pre-tokenized row,
 * whose turns are not known. Nothing is ever cut inside an answer: that would teach the model to
 * stop in the middle.
 *
 * @param tokens the longest sequence allowed, 2 or more (one token predicts nothing)
 */
public record MaxLength(int tokens) {
  public MaxLength {
    if (tokens < 2) {
      throw new IllegalArgumentException("max-length must be 2 or more, not " + tokens);
    }
  }

  /** What became of a row. */
  public sealed interface Outcome {
    /** It fits as it is. */
    record Kept(TokenSequence sequence) implements Outcome {}

    /**
     * Its first exchanges fit.
     *
     * @param sequence the tokens of those exchanges
     * @param tokens the length of the whole conversation
     * @param exchangesKept how many exchanges are left
     * @param exchanges how many there were
     */
    record Cut(TokenSequence sequence, int tokens, int exchangesKept, int exchanges)
        implements Outcome {}

    /**
     * Nothing of it fits.
     *
     * @param origin which row
     * @param tokens its length
     */
    record Skipped(Origin origin, int tokens) implements Outcome {}
  }

  /**
   * Applies the rule.
   *
   * @param row the conversation or tokens as read
   * @param sequence all of the row's tokens
   * @param encode encodes a conversation; called only for one that is too long
   */
  Outcome apply(Row row, TokenSequence sequence, Function<Conversation, TokenSequence> encode) {
    if (sequence.length() <= tokens) {
      return new Outcome.Kept(sequence);
    }
    return switch (row) {
      case TokenSequence _ -> new Outcome.Skipped(row.origin(), sequence.length());
      case Conversation conversation -> cut(conversation, sequence, encode);
    };
  }

  private Outcome cut(
      Conversation conversation,
      TokenSequence whole,
      Function<Conversation, TokenSequence> encode) {
    TokenSequence best = null;
    int kept = 0;
    int low = 1;
    int high = conversation.exchanges() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      TokenSequence candidate = encode.apply(conversation.firstExchanges(middle));
      if (candidate.length() <= tokens) {
        best = candidate;
        kept = middle;
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return best == null
        ? new Outcome.Skipped(whole.origin(), whole.length())
        : new Outcome.Cut(best, whole.length(), kept, conversation.exchanges());
  }
}
