package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads several sequences, each with its own place in the key-value cache, and continues them
 * together: a step takes one token of each through the model, so that the weights are read from
 * memory once for all of them.
 *
 * <p>What a sequence gets does not depend on the others, as far as the kernels' products do not: a
 * sequence is read alone, and in a step only the linear layers see more than one.
 */
public final class BatchDecoder {

  /** Tokens that go through the model at once while a sequence is read. */
  private static final int PREFILL_CHUNK = LanguageModelHead.CHUNK;

  /** A sequence and its place in the cache. */
  public static final class Sequence {
    private final int start;
    private final int capacity;
    private int length;

    private Sequence(int start, int capacity) {
      this.start = start;
      this.capacity = capacity;
    }

    /** The most tokens it can have. */
    public int capacity() {
      return capacity;
    }

    /** Tokens read so far. */
    public int length() {
      return length;
    }

    /** Forgets what was read, and keeps the place. */
    public void clear() {
      length = 0;
    }

    private int extend(int tokens) {
      if (length + tokens > capacity) {
        throw new IllegalStateException(
            "%d tokens do not fit a cache of %d that holds %d".formatted(tokens, capacity, length));
      }
      length += tokens;
      return length;
    }
  }

  private final Llama model;
  private final Kernels kernels;
  private final int longest;
  private final int mostAtOnce;
  private final KeyValueCache cache;
  private final CacheSegments segments;
  private final LayerActivations activations;
  private final TokenEmbedding embedding;
  private final LanguageModelHead head;
  private final RotaryTable rotary;
  private final Tensor ids; // (1, chunk) I32
  private final Tensor positions; // (1, chunk) I32
  private final Tensor cacheRows; // (1, mostAtOnce) I32

  /**
   * @param mostAtOnce sequences of the largest step
   * @param longest tokens of the longest sequence
   * @param tokens room in the cache, for all sequences together
   */
  BatchDecoder(Llama model, int mostAtOnce, int longest, int tokens, StackedRanks ranks) {
    this.model = model;
    this.kernels = model.kernels();
    this.longest = longest;
    this.mostAtOnce = mostAtOnce;
    int chunk = Math.max(mostAtOnce, Math.min(longest, PREFILL_CHUNK));
    this.cache = new KeyValueCache(kernels, model.config(), tokens);
    this.segments = new CacheSegments(tokens);
    this.activations = LayerActivations.allocate(kernels, model.config(), chunk, ranks);
    this.embedding = new TokenEmbedding(model, chunk, ranks);
    this.head = new LanguageModelHead(model, chunk, ranks);
    this.rotary = RotaryTable.create(kernels, model.config(), longest);
    this.ids = kernels.allocate(ElementType.I32, 1, chunk);
    this.positions = kernels.allocate(ElementType.I32, 1, chunk);
    this.cacheRows = kernels.allocate(ElementType.I32, 1, mostAtOnce);
  }

  /** Sequences of the largest step. */
  public int mostAtOnce() {
    return mostAtOnce;
  }

  /** Tokens of the longest sequence. */
  public int longest() {
    return longest;
  }

  /** Room for tokens, of all sequences together. */
  public int tokens() {
    return cache.rows();
  }

  /**
   * A new sequence with room for so many tokens.
   *
   * @return null where there is no room until others are closed
   */
  public @Nullable Sequence open(int capacity) {
    if (capacity > longest) {
      throw new IllegalArgumentException(
          "a sequence of %d tokens, memory for %d".formatted(capacity, longest));
    }
    int start = segments.take(capacity);
    return start == CacheSegments.NONE ? null : new Sequence(start, capacity);
  }

  /** Gives a sequence's room to others; it must not be used any more. */
  public void close(Sequence sequence) {
    segments.give(sequence.start);
  }

  /**
   * Reads tokens of one sequence and gives the logits of what follows the last of them.
   *
   * @param tokens at least one; no more than the sequence has room for
   * @return (V) logits
   */
  public float[] read(Sequence sequence, int[] tokens) {
    Tensor residual = null;
    for (int from = 0; from < tokens.length; ) {
      int to = from + chunkOf(tokens.length - from);
      residual = pass(sequence, Arrays.copyOfRange(tokens, from, to));
      from = to;
    }
    if (residual == null) {
      throw new IllegalArgumentException("no tokens");
    }
    return kernels.read(head.logits(residual.rows(residual.rows() - 1, 1)));
  }

  /**
   * Reads tokens of one sequence and gives the logits after each of them, chunk by chunk in order.
   *
   * @param chunk called with (n · V) logits, row-major
   */
  public void logits(Sequence sequence, int[] tokens, Consumer<float[]> chunk) {
    for (int from = 0; from < tokens.length; ) {
      int to = from + chunkOf(tokens.length - from);
      chunk.accept(kernels.read(head.logits(pass(sequence, Arrays.copyOfRange(tokens, from, to)))));
      from = to;
    }
  }

  private static int chunkOf(int tokens) {
    return Math.min(tokens, PREFILL_CHUNK);
  }

  /**
   * Reads one token of each of several sequences and gives the logits of what follows.
   *
   * @param sequences at most {@link #mostAtOnce()}, all different
   * @param tokens one for each
   * @return (n · V) logits, row-major
   */
  public float[] next(List<Sequence> sequences, int[] tokens) {
    int count = sequences.size();
    int[] starts = new int[count];
    int[] lengths = new int[count];
    int[] places = new int[count];
    int[] rows = new int[count];
    for (int i = 0; i < count; i++) {
      Sequence sequence = sequences.get(i);
      lengths[i] = sequence.extend(1);
      starts[i] = sequence.start;
      places[i] = lengths[i] - 1;
      rows[i] = starts[i] + places[i];
    }
    Tensor to = cacheRows.first(count);
    kernels.write(to, rows);
    Tensor residual = layers(tokens, places, new NewTokens.OneOfEach(starts, lengths, to));
    return kernels.read(head.logits(residual));
  }

  /** Moves tokens of one sequence through all layers. */
  private Tensor pass(Sequence sequence, int[] chunk) {
    int first = sequence.length();
    int length = sequence.extend(chunk.length);
    int[] places = new int[chunk.length];
    Arrays.setAll(places, i -> first + i);
    return layers(chunk, places, new NewTokens.OfOneSequence(sequence.start, length));
  }

  /** The residual stream that comes out of the last layer, (T, d) float32. */
  private Tensor layers(int[] tokens, int[] places, NewTokens into) {
    int count = tokens.length;
    Tensor tokenIds = ids.first(count);
    Tensor tokenPositions = positions.first(count);
    kernels.write(tokenIds, tokens);
    kernels.write(tokenPositions, places);
    LayerActivations a = activations.rows(count);
    embedding.forward(tokenIds, a.input());
    for (int layer = 0; layer < model.layers().size(); layer++) {
      model.layers().get(layer).decode(a, tokenPositions, rotary, cache.layer(layer), into);
    }
    return a.input();
  }
}
