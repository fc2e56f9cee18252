package dev.graft.trainer.generate;

import dev.graft.tokenizer.StreamingDecoder;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.model.Decoder;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Continues a text token by token until an end token, a limit, or a wish to stop. */
public final class TextGeneration {

  private final Decoder decoder;
  private final Tokenizer tokenizer;

  /** Uses the decoder from its beginning; both stay the caller's. */
  public TextGeneration(Decoder decoder, Tokenizer tokenizer) {
    this.decoder = decoder;
    this.tokenizer = tokenizer;
  }

  /** Why a generation ended. */
  public enum End {
    /** The model said so, by an end token. */
    END_TOKEN,
    /** As many tokens as were asked for. */
    MAX_TOKENS,
    /** The decoder's memory is full. */
    CAPACITY,
    /** The caller asked. */
    STOPPED
  }

  /**
   * What came of it.
   *
   * @param promptTokens tokens read
   * @param generatedTokens tokens made, without the end token
   */
  public record Result(int promptTokens, int generatedTokens, End end) {}

  /**
   * Generates.
   *
   * @param prompt at least one token
   * @param maxTokens at most so many new ones
   * @param text called with each piece of text as soon as its characters are complete
   * @param stop asked before each token
   */
  public Result generate(
      int[] prompt, Sampler sampler, int maxTokens, Consumer<String> text, BooleanSupplier stop) {
    decoder.clear();
    Set<Integer> endIds = tokenizer.endIds();
    StreamingDecoder pieces = tokenizer.streamingDecoder(true);
    int generated = 0;
    End end = End.MAX_TOKENS;
    int[] unread = prompt;
    while (generated < maxTokens) {
      if (stop.getAsBoolean()) {
        end = End.STOPPED;
        break;
      }
      if (decoder.length() + unread.length > decoder.capacity()) {
        end = End.CAPACITY;
        break;
      }
      int id = sampler.next(decoder.next(unread));
      if (endIds.contains(id)) {
        end = End.END_TOKEN;
        break;
      }
      emit(pieces.next(id), text);
      unread = new int[] {id};
      generated++;
    }
    emit(pieces.flush(), text);
    return new Result(prompt.length, generated, end);
  }

  private static void emit(String piece, Consumer<String> text) {
    if (!piece.isEmpty()) {
      text.accept(piece);
    }
  }
}
