package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.config.UserException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The shape of a step that is measured: a Llama model with untied embedding, one micro-batch, LoRA
 * on all seven linear layers.
 *
 * @param layers decoder layers
 * @param hidden d
 * @param intermediate F
 * @param heads H; each has d / H elements
 * @param keyValueHeads G
 * @param vocabulary V
 * @param tokens T: of the micro-batch
 * @param sequence tokens of each of its sequences; the last has what is left
 * @param rank of each adapter
 */
public record BenchShape(
    int layers,
    int hidden,
    int intermediate,
    int heads,
    int keyValueHeads,
    int vocabulary,
    int tokens,
    int sequence,
    int rank) {

  private static final int LARGEST = 1 << 20;

  /**
   * @throws UserException if there is no such model
   */
  public BenchShape {
    positive("layers", layers);
    positive("hidden", hidden);
    positive("intermediate", intermediate);
    positive("heads", heads);
    positive("kv-heads", keyValueHeads);
    positive("vocab", vocabulary);
    positive("tokens", tokens);
    positive("sequence", sequence);
    positive("rank", rank);
    atLeastTwo("tokens", tokens);
    atLeastTwo("sequence", sequence);
    if (hidden % (2 * heads) != 0) {
      throw new UserException(
          "--hidden %d does not give %d heads an even number of elements each."
              .formatted(hidden, heads));
    }
    if (heads % keyValueHeads != 0) {
      throw new UserException(
          "--heads %d cannot share --kv-heads %d evenly.".formatted(heads, keyValueHeads));
    }
  }

  /** Of one sequence. */
  public BenchShape(
      int layers,
      int hidden,
      int intermediate,
      int heads,
      int keyValueHeads,
      int vocabulary,
      int tokens,
      int rank) {
    this(layers, hidden, intermediate, heads, keyValueHeads, vocabulary, tokens, tokens, rank);
  }

  private static void positive(String name, int value) {
    if (value < 1 || value > LARGEST) {
      throw new UserException("--%s is %d, has to be 1 to %d.".formatted(name, value, LARGEST));
    }
  }

  private static void atLeastTwo(String name, int value) {
    if (value < 2) {
      throw new UserException(
          "--%s is 1, but one token has no successor to learn from.".formatted(name));
    }
  }

  /** Under the names of the command's options. */
  ObjectNode json() {
    return JsonMapper.shared()
        .createObjectNode()
        .put("layers", layers)
        .put("hidden", hidden)
        .put("intermediate", intermediate)
        .put("heads", heads)
        .put("kv_heads", keyValueHeads)
        .put("vocab", vocabulary)
        .put("tokens", tokens)
        .put("sequence", sequence)
        .put("rank", rank);
  }

  int headDim() {
    return hidden / heads;
  }

  /** A checkpoint of this shape, not yet written. */
  RandomCheckpoint checkpoint(DType weights) {
    return RandomCheckpoint.llama()
        .layers(layers)
        .hiddenSize(hidden)
        .intermediateSize(intermediate)
        .heads(heads)
        .kvHeads(keyValueHeads)
        .headDim(headDim())
        .vocabSize(vocabulary)
        .maxPositionEmbeddings(Math.max(2048, sequence))
        .dtype(weights);
  }

  /** N: elements of all linear weights, output projection included, embedding and norms not. */
  long linearWeights() {
    var config = checkpoint(DType.F32).config();
    long layer = 0;
    for (Projection projection : Projection.values()) {
      layer += (long) projection.inFeatures(config) * projection.outFeatures(config);
    }
    return layers * layer + (long) vocabulary * hidden;
  }

  /**
   * Floating-point operations that a step of T tokens has to do, the numerator of its rate: {@code
   * 4 N T} for the linear layers (2N forward, 2N towards their inputs, no weight gradients), and
   * {@code 6 H hd S (S + 1)} a layer and sequence of S tokens for causal attention (2 products
   * forward and 4 backward over the pairs that a causal mask leaves).
   *
   * <p>Not counted, though computed: the adapters' products, the products that attention computes
   * again in its backward, everything that is no product. Counted, though left out by the model:
   * the gradient towards the first layer's input, and the last token's row of the output
   * projection; that is about 1 % for four layers of TinyLlama's shape.
   */
  long stepFlops() {
    long attention = 6L * heads * headDim() * pairs();
    return 4 * linearWeights() * tokens + layers * attention;
  }

  /** Σ S (S + 1) over the sequences: twice the pairs of tokens that see each other. */
  private long pairs() {
    long whole = tokens / sequence;
    long rest = tokens % sequence;
    return whole * sequence * (sequence + 1L) + rest * (rest + 1);
  }

  /**
   * Floating-point operations of reading a prompt of T tokens: {@code 2 N T} for the layers' linear
   * weights, {@code 2 H hd T (T + 1)} a layer for causal attention, and one row of logits.
   */
  long prefillFlops() {
    long head = (long) vocabulary * hidden;
    long attention = 2L * heads * headDim() * tokens * (tokens + 1L);
    return 2 * (linearWeights() - head) * tokens + layers * attention + 2 * head;
  }
}
