package dev.graft.trainer.model;

import dev.graft.modelio.VocabularyModule;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The first step of the model: rows of the embedding, and of its LoRA, if it has one.
 *
 * <pre>
 *   forward     h = s · U[ids]           x = E[ids] + h V
 *   backward    dV += hᵀ dx              dU[ids] += s · dx Vᵀ
 * </pre>
 */
final class TokenEmbedding {

  /**
   * @param ranks (T, r) act: h
   * @param rankGradient (T, r) float32: dx Vᵀ
   */
  private record Buffers(Tensor ranks, Tensor rankGradient) {}

  private final Kernels kernels;
  private final Llama model;
  private final @Nullable Buffers buffers;

  /**
   * @param maxTokens of the largest micro-batch
   */
  TokenEmbedding(Llama model, int maxTokens, StackedRanks ranks) {
    this.kernels = model.kernels();
    this.model = model;
    int rank = ranks.of(VocabularyModule.EMBED_TOKENS);
    this.buffers =
        rank == 0
            ? null
            : new Buffers(
                kernels.allocate(kernels.activationType(), maxTokens, rank),
                kernels.allocate(ElementType.F32, maxTokens, rank));
  }

  /** Whether there is an adapter to train. */
  boolean isAdapted() {
    return model.adapter(VocabularyModule.EMBED_TOKENS) != null;
  }

  /**
   * @param ids (1, T) I32
   * @param out (T, d) float32
   */
  void forward(Tensor ids, Tensor out) {
    kernels.embed(ids, model.weights().embedding(), out);
    VocabularyLowRank adapter = model.adapter(VocabularyModule.EMBED_TOKENS);
    if (adapter != null) {
      Tensor h = buffers().ranks.rows(0, out.rows());
      kernels.gatherRows(adapter.tokens(), ids, h);
      kernels.scale(h, adapter.scale());
      kernels.linearBackwardInput(h, adapter.hidden(), out, true);
    }
  }

  /**
   * Adds to the adapter's gradients, after a {@link #forward} of the same tokens.
   *
   * @param gradient (T, d) act: of what the forward gave
   */
  void backward(Tensor ids, Tensor gradient) {
    VocabularyLowRank adapter = model.adapter(VocabularyModule.EMBED_TOKENS);
    if (adapter != null) {
      Tensor h = buffers().ranks.rows(0, gradient.rows());
      Tensor dh = buffers().rankGradient.rows(0, gradient.rows());
      kernels.linearBackwardWeight(h, gradient, adapter.hiddenGradient(), true);
      kernels.linear(gradient, adapter.hidden(), dh, false);
      kernels.scale(dh, adapter.scale());
      kernels.embedBackward(ids, dh, adapter.tokensGradient());
    }
  }

  private Buffers buffers() {
    if (buffers == null) {
      throw new IllegalStateException("an adapter of the embedding without memory for it");
    }
    return buffers;
  }
}
