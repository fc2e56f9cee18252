package dev.graft.trainer.model;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the tokens of one sequence after another and says what may come next, keeping keys and
 * values so that nothing is computed twice.
 */
public final class Decoder {

  private final BatchDecoder decoder;
  private final BatchDecoder.Sequence sequence;

  Decoder(Llama model, int capacity, StackedRanks ranks) {
    this.decoder = new BatchDecoder(model, 1, capacity, capacity, ranks);
    BatchDecoder.@Nullable Sequence only = decoder.open(capacity);
    if (only == null) {
      throw new IllegalStateException("no room for " + capacity);
    }
    this.sequence = only;
  }

  /** The longest sequence there is memory for, in tokens. */
  public int capacity() {
    return sequence.capacity();
  }

  /** Tokens read so far. */
  public int length() {
    return sequence.length();
  }

  /** Forgets everything that was read. */
  public void clear() {
    sequence.clear();
  }

  /**
   * Reads tokens and gives the logits of what follows the last of them.
   *
   * @param tokens at least one; together with what was read before at most {@link #capacity()}
   * @return (V) logits
   */
  public float[] next(int[] tokens) {
    return decoder.read(sequence, tokens);
  }

  /**
   * Reads tokens and gives the logits after each of them, chunk by chunk in order.
   *
   * @param chunk called with (n · V) logits, row-major
   */
  public void logits(int[] tokens, Consumer<float[]> chunk) {
    decoder.logits(sequence, tokens, chunk);
  }
}
