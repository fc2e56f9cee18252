package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;

/**
 * Training's forward and nothing else: how likely the model finds given tokens. One layer's memory
 * serves all layers.
 */
public final class ScoringPass {

  private final Llama model;
  private final Kernels kernels;
  private final LayerActivations activations;
  private final TokenEmbedding embedding;
  private final LanguageModelHead head;
  private final RotaryTable rotary;
  private final DeviceTokens deviceTokens;
  private final int maxTokens;

  ScoringPass(Llama model, int maxTokens, StackedRanks ranks) {
    this.model = model;
    this.kernels = model.kernels();
    this.maxTokens = kernels.efficientRows(maxTokens);
    this.activations = LayerActivations.allocate(kernels, model.config(), this.maxTokens, ranks);
    this.embedding = new TokenEmbedding(model, this.maxTokens, ranks);
    this.head = new LanguageModelHead(model, this.maxTokens, ranks);
    this.rotary = RotaryTable.create(kernels, model.config(), this.maxTokens);
    this.deviceTokens = DeviceTokens.allocate(kernels, this.maxTokens);
  }

  /** The most tokens that go through at once. */
  public int maxTokens() {
    return maxTokens;
  }

  /**
   * The negative log-likelihood of each target.
   *
   * @return (n) nats, in the order of the batch's targets
   */
  public float[] losses(TokenBatch batch) {
    if (batch.targetTokens() == 0) {
      return new float[0];
    }
    int rows = kernels.efficientRows(batch.tokens());
    if (rows > maxTokens) {
      throw new IllegalArgumentException(
          "%d tokens, memory for %d".formatted(batch.tokens(), maxTokens));
    }
    DeviceTokens tokens = deviceTokens.load(kernels, batch, rows);
    LayerActivations a = activations.rows(rows);
    Tensor residual = a.input();
    embedding.forward(tokens.ids(), residual);
    for (DecoderLayer layer : model.layers()) {
      // A layer does not look at its input again once attention has been added to it.
      layer.forward(a, residual, tokens, rotary, InputDropout.OFF);
    }
    return head.losses(residual, tokens, batch.targetTokens());
  }
}
