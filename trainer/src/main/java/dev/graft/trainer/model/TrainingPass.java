package dev.graft.trainer.model;

import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Forward and backward through the whole model for one micro-batch at a time, in memory laid out
 * once. Gradients of adapters or weights are added to, so that micro-batches accumulate.
 */
public final class TrainingPass {

  private final Kernels kernels;
  private final Llama model;
  private final @Nullable LlamaWeights gradients;
  private final List<DecoderLayer> layers;
  private final TokenEmbedding embedding;
  private final LanguageModelHead head;
  private final RotaryTable rotary;
  private final DeviceTokens deviceTokens;
  private final Tensor amplitudes; // (1, T) float32: of the noise on embeddings
  private final Workspace workspace;
  private final Recompute recompute;
  private final PassMemory memory;
  private final int maxTokens;

  /**
   * A part of a pass that asks for the same operations each time, but for those with a mask.
   *
   * @param pass whose memory it is in; passes are not compared by what they hold
   * @param rows tokens that are computed
   * @param attachments of the model
   */
  private record Part(TrainingPass pass, boolean backward, int rows, int attachments) {}

  TrainingPass(
      Llama model, int maxTokens, StackedRanks ranks, boolean dropout, Recompute recompute) {
    this.kernels = model.kernels();
    this.model = model;
    this.gradients = model.gradients();
    this.layers = model.layers();
    this.maxTokens = kernels.efficientRows(maxTokens);
    this.recompute = recompute;
    PassMemory.Meter meter = new PassMemory.Meter(kernels);
    this.head = new LanguageModelHead(model, this.maxTokens, ranks);
    long logits = meter.sinceLast();
    this.rotary = RotaryTable.create(kernels, model.config(), this.maxTokens);
    this.deviceTokens = DeviceTokens.allocate(kernels, this.maxTokens);
    this.amplitudes = kernels.allocate(ElementType.F32, 1, this.maxTokens);
    this.embedding = new TokenEmbedding(model, this.maxTokens, ranks);
    long other = meter.sinceLast();
    this.workspace =
        new Workspace(kernels, model.config(), this.maxTokens, ranks, dropout, recompute);
    PassMemory layerMemory = workspace.memory();
    this.memory = new PassMemory(layerMemory.activations(), layerMemory.gradients(), logits, other);
  }

  /** What this allocated. */
  public PassMemory memory() {
    return memory;
  }

  /** The largest micro-batch there is memory for. */
  public int maxTokens() {
    return maxTokens;
  }

  /**
   * The loss without gradients, dropout and noise.
   *
   * @return the sum over the batch's target tokens of their negative log-likelihood, in nats
   */
  public double loss(TokenBatch batch) {
    if (batch.targetTokens() == 0) {
      return 0;
    }
    int rows = rows(batch);
    Workspace.View view = workspace.of(rows);
    DeviceTokens tokens = deviceTokens.load(kernels, batch, rows);
    embed(view, tokens);
    forward(view, tokens, InputDropout.OFF);
    return head.loss(view.output(), tokens, batch.targetTokens());
  }

  /** {@link #lossAndGradient(TokenBatch, float, Dropout, EmbeddingNoise)} without noise. */
  public double lossAndGradient(TokenBatch batch, float scale, Dropout dropout) {
    return lossAndGradient(batch, scale, dropout, EmbeddingNoise.OFF);
  }

  /**
   * The loss, and its gradient added to the gradients of adapters or weights.
   *
   * @param scale what gradients are multiplied with: 1 / target tokens of the whole accumulation
   *     window makes them the gradients of the window's mean loss
   * @return the sum over the batch's target tokens of their negative log-likelihood, in nats, not
   *     scaled
   */
  public double lossAndGradient(
      TokenBatch batch, float scale, Dropout dropout, EmbeddingNoise noise) {
    if (batch.targetTokens() == 0) {
      return 0;
    }
    int rows = rows(batch);
    Workspace.View view = workspace.of(rows);
    Scratch scratch = view.scratch();
    DeviceTokens tokens = deviceTokens.load(kernels, batch, rows);
    InputDropout inputDropout = new InputDropout(dropout, scratch.masked());
    embed(view, tokens);
    addNoise(view, batch, noise, rows);
    forward(view, tokens, inputDropout);
    Tensor residualGradient = scratch.residualGradient();
    double loss =
        head.lossAndGradient(
            view.output(), tokens, batch.targetTokens(), scale, residualGradient, inputDropout);
    backward(view, tokens, inputDropout);
    return loss;
  }

  private void embed(Workspace.View view, DeviceTokens tokens) {
    embedding.forward(tokens.ids(), view.layers().getFirst().input());
  }

  /** Added to what was looked up, so that the embedding's gradient is the same as without. */
  private void addNoise(Workspace.View view, TokenBatch batch, EmbeddingNoise noise, int rows) {
    if (noise.isOn()) {
      Tensor embedded = view.layers().getFirst().input();
      Tensor sizes = amplitudes.first(rows);
      kernels.write(sizes, noise.amplitudes(batch, rows, embedded.columns()));
      kernels.addNoise(embedded, sizes, noise.draw());
    }
  }

  private void forward(Workspace.View view, DeviceTokens tokens, InputDropout dropout) {
    repeat(false, tokens, dropout, () -> forwardLayers(view, tokens, dropout));
  }

  /** Masks are drawn anew in each micro-batch, so that a part with dropout is no repetition. */
  private void repeat(boolean backward, DeviceTokens tokens, InputDropout dropout, Runnable part) {
    if (dropout.isOn()) {
      part.run();
    } else {
      int rows = tokens.ids().columns();
      kernels.repeat(new Part(this, backward, rows, model.attachments()), part);
    }
  }

  private void forwardLayers(Workspace.View view, DeviceTokens tokens, InputDropout dropout) {
    for (int layer = 0; layer < layers.size(); layer++) {
      layers
          .get(layer)
          .forward(view.layers().get(layer), view.outputOf(layer), tokens, rotary, dropout);
    }
  }

  private void backward(Workspace.View view, DeviceTokens tokens, InputDropout dropout) {
    repeat(true, tokens, dropout, () -> backwardLayers(view, tokens, dropout));
  }

  /**
   * Goes down no further than the lowest adapted layer: nothing below has anything to learn. Where
   * the embedding or all weights are trained, down to there.
   */
  private void backwardLayers(Workspace.View view, DeviceTokens tokens, InputDropout dropout) {
    boolean reachesEmbedding = gradients != null || embedding.isAdapted();
    int lowest = reachesEmbedding ? 0 : lowestAdaptedLayer();
    int last = layers.size() - 1;
    for (int layer = last; layer >= lowest; layer--) {
      // What the last layer's forward left is still there.
      if (recompute == Recompute.LAYERS && layer < last) {
        layers.get(layer).recompute(view.layers().get(layer), tokens, rotary, dropout);
      }
      layers
          .get(layer)
          .backward(
              view.layers().get(layer),
              view.scratch(),
              tokens,
              rotary,
              layer > lowest || reachesEmbedding,
              dropout);
    }
    if (embedding.isAdapted()) {
      embedding.backward(tokens.ids(), view.scratch().residualGradientForProducts(kernels));
    }
    if (gradients != null) {
      kernels.embedBackward(tokens.ids(), view.scratch().residualGradient(), gradients.embedding());
    }
  }

  private int lowestAdaptedLayer() {
    int layer = 0;
    while (layer < layers.size() && !layers.get(layer).isAdapted()) {
      layer++;
    }
    return layer;
  }

  /** Tokens that are computed: those of the batch, filled up to what products run best with. */
  private int rows(TokenBatch batch) {
    int tokens = kernels.efficientRows(batch.tokens());
    if (tokens > maxTokens) {
      throw new IllegalArgumentException(
          "a micro-batch of %d tokens, memory for %d".formatted(batch.tokens(), maxTokens));
    }
    return tokens;
  }
}
