package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A Llama- or Mistral-class model on a device: frozen, so that low-rank adapters can be attached to
 * it, or with a gradient for each of its weights. It lives as long as its kernels and its
 * checkpoint, both of which the caller owns.
 */
public final class Llama {

  private final Kernels kernels;
  private final ModelConfig config;
  private final LlamaWeights weights;
  private final @Nullable LlamaWeights gradients;
  private final List<DecoderLayer> layers;
  private final Map<VocabularyModule, VocabularyLowRank> vocabulary =
      new EnumMap<>(VocabularyModule.class);
  private int attachments;

  private Llama(
      Kernels kernels, ModelConfig config, LlamaWeights weights, @Nullable LlamaWeights gradients) {
    this.kernels = kernels;
    this.config = config;
    this.weights = weights;
    this.gradients = gradients;
    List<DecoderLayer> made = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      LlamaWeights.@Nullable Layer trained =
          gradients == null ? null : gradients.layers().get(layer);
      made.add(new DecoderLayer(kernels, config, layer, weights.layers().get(layer), trained));
    }
    this.layers = List.copyOf(made);
  }

  /** The model of a checkpoint or a file, its weights used where they lie if the device can. */
  public static Llama load(Kernels kernels, ModelWeights checkpoint) {
    return new Llama(kernels, checkpoint.config(), LlamaWeights.load(kernels, checkpoint), null);
  }

  /**
   * A model of which every weight is trained.
   *
   * @param weights by the names of a checkpoint, as products, norms and look-ups read them; asked
   *     for {@code lm_head.weight} also where it is tied to the embedding
   * @param gradients float32 in the same shapes, added to by a {@link TrainingPass}; where the
   *     output projection is tied, one tensor for both names, in which both uses add up
   */
  public static Llama trained(
      Kernels kernels,
      ModelConfig config,
      Function<String, Tensor> weights,
      Function<String, Tensor> gradients) {
    return new Llama(
        kernels, config, LlamaWeights.of(config, weights), LlamaWeights.of(config, gradients));
  }

  /**
   * The same weights behind other kernels, without adapters: to lay out memory on kernels that only
   * count it.
   */
  public Llama on(Kernels others) {
    return new Llama(others, config, weights, gradients);
  }

  /** What config.json says. */
  public ModelConfig config() {
    return config;
  }

  /** What computes. */
  public Kernels kernels() {
    return kernels;
  }

  /** A frozen weight, (out, in). */
  public Tensor weight(int layer, Projection projection) {
    return Objects.requireNonNull(weights.layers().get(layer).projections().get(projection));
  }

  LlamaWeights weights() {
    return weights;
  }

  /** Where the weights' gradients go; null for a frozen model. */
  @Nullable LlamaWeights gradients() {
    return gradients;
  }

  List<DecoderLayer> layers() {
    return layers;
  }

  /** Puts an adapter on one group of linear layers, or takes it off. */
  public void attach(int layer, ProjectionGroup group, @Nullable LowRank lowRank) {
    attachments++;
    layers.get(layer).attach(group, lowRank);
  }

  /** Puts an adapter on the embedding or the output projection, or takes it off. */
  public void attach(VocabularyModule module, @Nullable VocabularyLowRank lowRank) {
    attachments++;
    if (lowRank == null) {
      vocabulary.remove(module);
    } else {
      vocabulary.put(module, lowRank);
    }
  }

  /** How often something was attached or taken off: what was recorded before is out of date. */
  int attachments() {
    return attachments;
  }

  /** What is attached to the embedding or the output projection. */
  @Nullable VocabularyLowRank adapter(VocabularyModule module) {
    return vocabulary.get(module);
  }

  /** {@link #trainingPass(int, StackedRanks, boolean, Recompute)} that recomputes nothing. */
  public TrainingPass trainingPass(int maxTokens, StackedRanks ranks, boolean dropout) {
    return trainingPass(maxTokens, ranks, dropout, Recompute.NONE);
  }

  /**
   * Lays out the memory for training.
   *
   * @param maxTokens tokens of the largest micro-batch
   * @param ranks of the adapters that will be attached
   * @param dropout whether dropout will be used
   * @param recompute what the backward computes again rather than keep
   */
  public TrainingPass trainingPass(
      int maxTokens, StackedRanks ranks, boolean dropout, Recompute recompute) {
    return new TrainingPass(this, maxTokens, ranks, dropout, recompute);
  }

  /**
   * Lays out the memory for generating text.
   *
   * @param capacity the longest sequence, prompt included, in tokens
   * @param ranks of the adapters that are attached
   */
  public Decoder decoder(int capacity, StackedRanks ranks) {
    return new Decoder(this, capacity, ranks);
  }

  /**
   * Lays out the memory for generating several texts at once.
   *
   * @param mostAtOnce sequences of the largest step
   * @param longest the longest sequence, prompt included, in tokens
   * @param tokens room for all sequences that are open at once together, in tokens
   * @param ranks of the adapters that are attached
   */
  public BatchDecoder batchDecoder(int mostAtOnce, int longest, int tokens, StackedRanks ranks) {
    return new BatchDecoder(this, mostAtOnce, longest, tokens, ranks);
  }

  /**
   * Lays out the memory for scoring given texts.
   *
   * @param maxTokens of all texts that go through at once
   * @param ranks of the adapters that are attached
   */
  public ScoringPass scoringPass(int maxTokens, StackedRanks ranks) {
    return new ScoringPass(this, maxTokens, ranks);
  }

  /** Bytes of key-value cache for each token of a {@link #batchDecoder}. */
  public long cacheBytesPerToken() {
    return KeyValueCache.bytesPerToken(kernels, config);
  }
}
