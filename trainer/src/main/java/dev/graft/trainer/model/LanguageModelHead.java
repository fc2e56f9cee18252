package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.VocabularyModule;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Final norm, output projection and cross-entropy. Rows without a target are not computed, and the
 * logits of the others exist for {@link #CHUNK} rows at a time.
 *
 * <pre>
 *   z = RMSNorm(x) Wᵀ      loss = Σ logsumexp(z) - z[target]      dx = RMSNorm'((softmax(z) - onehot) W)
 *                          dW += (softmax(z) - onehot)ᵀ RMSNorm(x)       where the weights are trained
 * </pre>
 *
 * With LoRA, W is {@code W + s · U V} (see {@link VocabularyLowRank}), and n the normed rows,
 * masked for the adapter where there is dropout:
 *
 * <pre>
 *   g = s · n Vᵀ      z += g Uᵀ      dU += dzᵀ g      dg = s · dz U      dV += dgᵀ n      dn += dg V
 * </pre>
 */
final class LanguageModelHead {

  /** Rows of logits in memory at once: 128 MB in float32 for a vocabulary of 128,256. */
  static final int CHUNK = 256;

  private final Kernels kernels;
  private final Llama model;
  private final LlamaWeights weights;
  private final @Nullable LlamaWeights gradients; // null where the weights are frozen
  private final float epsilon;
  private final Buffers buffers;
  private final @Nullable AdapterRanks adapterRanks; // null without an adapter

  /**
   * @param predicting (T, d) float32: the residual stream's rows that predict a target
   * @param inverseRms (1, T) float32
   * @param normed (T, d) act
   * @param normedGradient (T, d) float32
   * @param predictingGradient (T, d) float32
   * @param losses (1, T) float32
   * @param logits (CHUNK, V) float32
   * @param logitsGradient (CHUNK, V) act; the logits' own memory in float32
   */
  private record Buffers(
      Tensor predicting,
      Tensor inverseRms,
      Tensor normed,
      Tensor normedGradient,
      Tensor predictingGradient,
      Tensor losses,
      Tensor logits,
      Tensor logitsGradient) {

    static Buffers allocate(Kernels kernels, ModelConfig config, int tokens) {
      ElementType act = kernels.activationType();
      int hidden = config.hiddenSize();
      int chunk = Math.min(CHUNK, tokens);
      Tensor logits = kernels.allocate(ElementType.F32, chunk, config.vocabSize());
      return new Buffers(
          kernels.allocate(ElementType.F32, tokens, hidden),
          kernels.allocate(ElementType.F32, 1, tokens),
          kernels.allocate(act, tokens, hidden),
          kernels.allocate(ElementType.F32, tokens, hidden),
          kernels.allocate(ElementType.F32, tokens, hidden),
          kernels.allocate(ElementType.F32, 1, tokens),
          logits,
          act == ElementType.F32 ? logits : kernels.allocate(act, chunk, config.vocabSize()));
    }
  }

  /**
   * @param ranks (CHUNK, r) act: g
   * @param gradients (CHUNK, r) act: dg
   */
  private record AdapterRanks(Tensor ranks, Tensor gradients) {
    AdapterRanks(Kernels kernels, int chunk, int rank) {
      this(
          kernels.allocate(kernels.activationType(), chunk, rank),
          kernels.allocate(kernels.activationType(), chunk, rank));
    }
  }

  /**
   * @param ranks of the adapters that will be attached
   */
  LanguageModelHead(Llama model, int maxTokens, StackedRanks ranks) {
    this.kernels = model.kernels();
    this.model = model;
    this.weights = model.weights();
    this.gradients = model.gradients();
    this.epsilon = (float) model.config().rmsNormEps();
    this.buffers = Buffers.allocate(kernels, model.config(), maxTokens);
    int rank = ranks.of(VocabularyModule.LM_HEAD);
    int chunk = Math.min(CHUNK, maxTokens);
    this.adapterRanks = rank == 0 ? null : new AdapterRanks(kernels, chunk, rank);
  }

  /**
   * The summed loss of a micro-batch, without gradients.
   *
   * @param residual (T, d) float32: what leaves the last layer
   * @param n how many targets the batch has, at least 1
   */
  double loss(Tensor residual, DeviceTokens tokens, int n) {
    computeLosses(residual, tokens, n);
    return sumOfLosses(n);
  }

  /** The losses of a micro-batch, one for each of its n targets in their order. */
  float[] losses(Tensor residual, DeviceTokens tokens, int n) {
    computeLosses(residual, tokens, n);
    return kernels.read(buffers.losses.first(n));
  }

  private void computeLosses(Tensor residual, DeviceTokens tokens, int n) {
    normPredictingRows(residual, tokens, n);
    for (int from = 0; from < n; from += CHUNK) {
      int rows = Math.min(CHUNK, n - from);
      Tensor logits = logits(from, rows, InputDropout.OFF);
      Tensor targets = tokens.targets().columns(from, rows);
      kernels.crossEntropyLoss(logits, targets, buffers.losses.columns(from, rows));
    }
  }

  /**
   * The summed loss of a micro-batch, and {@code scale} times its gradient.
   *
   * @param residualGradient (T, d) float32, overwritten
   */
  double lossAndGradient(
      Tensor residual,
      DeviceTokens tokens,
      int n,
      float scale,
      Tensor residualGradient,
      InputDropout dropout) {
    normPredictingRows(residual, tokens, n);
    for (int from = 0; from < n; from += CHUNK) {
      int rows = Math.min(CHUNK, n - from);
      Tensor logits = logits(from, rows, dropout);
      Tensor logitsGradient = buffers.logitsGradient.rows(0, rows);
      kernels.crossEntropy(
          logits,
          tokens.targets().columns(from, rows),
          scale,
          buffers.losses.columns(from, rows),
          logitsGradient);
      int computed = computedRows(from, rows);
      kernels.linearBackwardInput(
          buffers.logitsGradient.rows(0, computed),
          weights.head(),
          buffers.normedGradient.rows(from, computed),
          false);
      VocabularyLowRank adapter = model.adapter(VocabularyModule.LM_HEAD);
      if (adapter != null) {
        backwardAdapter(adapter, from, rows, dropout);
      }
      if (gradients != null) {
        addWeightGradient(from, rows, computed, gradients.head());
      }
    }
    Tensor predictingGradient = buffers.predictingGradient.rows(0, n);
    kernels.zero(predictingGradient);
    kernels.rmsNormBackward(
        buffers.normedGradient.rows(0, n),
        buffers.predicting.rows(0, n),
        weights.finalNorm(),
        buffers.inverseRms.first(n),
        predictingGradient);
    if (gradients != null) {
      kernels.rmsNormBackwardWeight(
          buffers.normedGradient.rows(0, n),
          buffers.predicting.rows(0, n),
          buffers.inverseRms.first(n),
          gradients.finalNorm());
    }
    kernels.zero(residualGradient);
    kernels.scatterRows(predictingGradient, tokens.predictingRows(), residualGradient);
    return sumOfLosses(n);
  }

  private void clearBehind(int from, int rows, int computed) {
    if (computed > rows) {
      kernels.zero(buffers.logitsGradient.rows(rows, computed - rows));
      kernels.zero(buffers.normed.rows(from + rows, computed - rows));
    }
  }

  /** Adds to the adapter's gradients, and its part to that of the normed rows. */
  private void backwardAdapter(
      VocabularyLowRank adapter, int from, int rows, InputDropout dropout) {
    int computed = computedRows(from, rows);
    clearBehind(from, rows, computed);
    Tensor dz = buffers.logitsGradient.rows(0, computed);
    Tensor g = ranks().ranks.rows(0, computed);
    Tensor dg = ranks().gradients.rows(0, computed);
    if (computed > rows) {
      kernels.zero(g.rows(rows, computed - rows));
    }
    kernels.linearBackwardWeight(dz, g, adapter.tokensGradient(), true);
    kernels.linearBackwardInput(dz, adapter.tokens(), dg, false);
    kernels.scale(dg, adapter.scale());
    Tensor read = adapterInput(from, computed, dropout);
    kernels.linearBackwardWeight(dg, read, adapter.hiddenGradient(), true);
    Tensor dn = buffers.normedGradient.rows(from, computed);
    if (!dropout.isOn()) {
      kernels.linearBackwardInput(dg, adapter.hidden(), dn, true);
      return;
    }
    Tensor unmasked = dropout.temporary(dn.rows(), dn.columns());
    kernels.linearBackwardInput(dg, adapter.hidden(), unmasked, false);
    kernels.dropout(unmasked, dropout.mask(place(from), ProjectionGroup.ATTENTION_INPUT), dn, true);
  }

  /** Masks of chunks are those of groups that lie behind the last layer. */
  private int place(int from) {
    return model.config().layers() + from / CHUNK;
  }

  private Tensor adapterInput(int from, int computed, InputDropout dropout) {
    Tensor normed = buffers.normed.rows(from, computed);
    return dropout.apply(kernels, normed, place(from), ProjectionGroup.ATTENTION_INPUT);
  }

  private AdapterRanks ranks() {
    if (adapterRanks == null) {
      throw new IllegalStateException("an adapter of the output projection without memory for it");
    }
    return adapterRanks;
  }

  /** Here the rows behind the wanted ones would count, so they are made zero. */
  private void addWeightGradient(int from, int rows, int computed, Tensor gradient) {
    clearBehind(from, rows, computed);
    kernels.linearBackwardWeight(
        buffers.logitsGradient.rows(0, computed),
        buffers.normed.rows(from, computed),
        gradient,
        true);
  }

  /**
   * The logits of some rows of the residual stream.
   *
   * @param residual (n, d) float32, at most {@link #CHUNK} rows
   * @return (n, V) float32, valid until the next call
   */
  Tensor logits(Tensor residual) {
    int rows = residual.rows();
    Tensor normed = buffers.normed.rows(0, rows);
    kernels.rmsNorm(residual, weights.finalNorm(), epsilon, normed, buffers.inverseRms.first(rows));
    return logits(0, rows, InputDropout.OFF);
  }

  private void normPredictingRows(Tensor residual, DeviceTokens tokens, int n) {
    Tensor predicting = buffers.predicting.rows(0, n);
    kernels.gatherRows(residual, tokens.predictingRows(), predicting);
    Tensor normed = buffers.normed.rows(0, n);
    kernels.rmsNorm(predicting, weights.finalNorm(), epsilon, normed, buffers.inverseRms.first(n));
  }

  private Tensor logits(int from, int rows, InputDropout dropout) {
    int computed = computedRows(from, rows);
    kernels.linear(
        buffers.normed.rows(from, computed),
        weights.head(),
        buffers.logits.rows(0, computed),
        false);
    VocabularyLowRank adapter = model.adapter(VocabularyModule.LM_HEAD);
    if (adapter != null) {
      Tensor g = ranks().ranks.rows(0, computed);
      kernels.linear(adapterInput(from, computed, dropout), adapter.hidden(), g, false);
      kernels.scale(g, adapter.scale());
      kernels.linear(g, adapter.tokens(), buffers.logits.rows(0, computed), true);
    }
    return buffers.logits.rows(0, rows);
  }

  /** Rows that a product runs over: what lies behind the wanted ones is computed and not read. */
  private int computedRows(int from, int rows) {
    int room = Math.min(buffers.logits.rows(), buffers.normed.rows() - from);
    return Math.min(kernels.efficientRows(rows), room);
  }

  private double sumOfLosses(int n) {
    double sum = 0;
    for (float loss : kernels.read(buffers.losses.first(n))) {
      sum += loss;
    }
    return sum;
  }
}
