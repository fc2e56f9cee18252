package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Reads tokens one after another and says what may come next, keeping keys and values so that
 * nothing is computed twice.
 */
public final class Decoder {

  /** Tokens that go through the model at once while a prompt is read. */
  private static final int PREFILL_CHUNK = LanguageModelHead.CHUNK;

  private final Llama model;
  private final Kernels kernels;
  private final KeyValueCache cache;
  private final LayerActivations activations;
  private final LanguageModelHead head;
  private final RotaryTable rotary;
  private final Tensor ids; // (1, chunk) I32
  private final Tensor positions; // (1, chunk) I32

  Decoder(Llama model, int capacity, StackedRanks ranks) {
    this.model = model;
    this.kernels = model.kernels();
    int chunk = Math.min(capacity, PREFILL_CHUNK);
    this.cache = new KeyValueCache(kernels, model.config(), capacity);
    this.activations = LayerActivations.allocate(kernels, model.config(), chunk, ranks);
    this.head = new LanguageModelHead(kernels, model.config(), model.weights(), chunk);
    this.rotary = RotaryTable.create(kernels, model.config(), capacity);
    this.ids = kernels.allocate(ElementType.I32, 1, chunk);
    this.positions = kernels.allocate(ElementType.I32, 1, chunk);
  }

  /** The longest sequence there is memory for, in tokens. */
  public int capacity() {
    return cache.capacity();
  }

  /** Tokens read so far. */
  public int length() {
    return cache.length();
  }

  /** Forgets everything that was read. */
  public void clear() {
    cache.clear();
  }

  /**
   * Reads tokens and gives the logits of what follows the last of them.
   *
   * @param tokens at least one; together with what was read before at most {@link #capacity()}
   * @return (V) logits
   */
  public float[] next(int[] tokens) {
    Tensor residual = null;
    for (int from = 0; from < tokens.length; from += PREFILL_CHUNK) {
      int to = Math.min(tokens.length, from + PREFILL_CHUNK);
      residual = read(Arrays.copyOfRange(tokens, from, to));
    }
    if (residual == null) {
      throw new IllegalArgumentException("no tokens");
    }
    Tensor last = residual.rows(residual.rows() - 1, 1);
    return kernels.read(head.logits(last));
  }

  /**
   * Reads tokens and gives the logits after each of them, chunk by chunk in order.
   *
   * @param chunk called with (n · V) logits, row-major
   */
  public void logits(int[] tokens, Consumer<float[]> chunk) {
    for (int from = 0; from < tokens.length; from += PREFILL_CHUNK) {
      int to = Math.min(tokens.length, from + PREFILL_CHUNK);
      chunk.accept(kernels.read(head.logits(read(Arrays.copyOfRange(tokens, from, to)))));
    }
  }

  /** Moves a chunk through all layers and gives the residual stream that comes out. */
  private Tensor read(int[] chunk) {
    int start = cache.length();
    int length = cache.extend(chunk.length);
    int[] places = new int[chunk.length];
    Arrays.setAll(places, i -> start + i);
    Tensor chunkIds = ids.first(chunk.length);
    Tensor chunkPositions = positions.first(chunk.length);
    kernels.write(chunkIds, chunk);
    kernels.write(chunkPositions, places);
    LayerActivations a = activations.rows(chunk.length);
    kernels.embed(chunkIds, model.weights().embedding(), a.input());
    for (int layer = 0; layer < model.layers().size(); layer++) {
      model.layers().get(layer).decode(a, chunkPositions, rotary, cache.layer(layer), length);
    }
    return a.input();
  }
}
