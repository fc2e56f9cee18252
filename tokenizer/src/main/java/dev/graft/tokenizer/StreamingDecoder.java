package dev.graft.tokenizer;

import java.util.Arrays;
import java.util.function.Function;
import java.util.function.IntPredicate;

/**
 * Decodes a stream of ids. What {@link #next} and {@link #flush} return, put together, is exactly
 * what decoding all ids at once returns; no piece ends inside a character.
 *
 * <p>How: a token's text depends on its neighbours (a leading space is dropped only in front of the
 * whole text, bytes of one character come in several tokens), so the new text is the difference of
 * two decodings of a short window, with and without the new ids, as Hugging Face's text generation
 * server does it. Two things are held back: a text that ends in U+FFFD, which may be half a
 * character; and a run of byte tokens ({@code <0xF0>}) until the run ends, since the decoder turns
 * the whole run into U+FFFD if any of its bytes does not fit. Constant work per id, amortised.
 *
 * <p>For one thread and one text.
 */
public final class StreamingDecoder {
  /**
   * A character has at most 4 bytes, a token at least one: after this many held ids the text before
   * the last character is certain, and {@link #CONTEXT} ids are enough to find character boundaries
   * again.
   */
  private static final int MAX_HELD = 32;

  private static final int CONTEXT = 8;

  private final Function<int[], String> decode;
  private final IntPredicate isByteToken;
  private final IntPredicate isSilent;

  // window[0, context) has been returned already, except for what lies beyond contextLength.
  private int[] window = new int[16];
  private int size;
  private int context;
  private int contextLength;

  /**
   * @param decode all ids to text
   * @param isByteToken ids that stand for one byte and fuse with their neighbours
   * @param isSilent ids that the decoding leaves out
   */
  StreamingDecoder(
      Function<int[], String> decode, IntPredicate isByteToken, IntPredicate isSilent) {
    this.decode = decode;
    this.isByteToken = isByteToken;
    this.isSilent = isSilent;
  }

  /** Takes the next id and returns the text that is certain now, often but not always its own. */
  public String next(int id) {
    if (id < 0) {
      throw new IllegalArgumentException("token id " + id + " is negative");
    }
    if (isSilent.test(id)) {
      return "";
    }
    if (size == window.length) {
      window = Arrays.copyOf(window, size * 2);
    }
    window[size++] = id;
    if (isByteToken.test(id)) {
      return "";
    }
    String text = decodeFrom(0);
    if (!text.endsWith("\uFFFD")) {
      return text.length() > contextLength ? advance(text, context) : "";
    }
    // Too long for half a character: only the last U+FFFD can still change. The new context must
    // not
    // begin inside a run of byte tokens, which would decode differently without its beginning.
    return size - context > MAX_HELD && !isByteToken.test(window[size - CONTEXT])
        ? advance(text.substring(0, text.length() - 1), size - CONTEXT)
        : "";
  }

  /** Returns what was held back. The decoder can then be used for another text. */
  public String flush() {
    String text = size == 0 ? "" : decodeFrom(0);
    String rest = text.substring(Math.min(contextLength, text.length()));
    size = 0;
    context = 0;
    contextLength = 0;
    return rest;
  }

  /** Returns the text beyond the context and makes the ids from {@code from} the new context. */
  private String advance(String text, int from) {
    String piece = text.substring(Math.min(contextLength, text.length()));
    System.arraycopy(window, from, window, 0, size - from);
    size -= from;
    context = size;
    String contextText = decodeFrom(0);
    boolean certain = !contextText.endsWith("\uFFFD");
    contextLength = certain ? contextText.length() : contextText.length() - 1;
    return piece;
  }

  private String decodeFrom(int start) {
    return decode.apply(Arrays.copyOfRange(window, start, size));
  }
}
