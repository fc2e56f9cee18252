package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

/**
 * What one decoder layer's forward leaves behind for its backward.
 *
 * @param input (T, d) float32: the residual stream that enters the layer
 * @param inputInverseRms (1, T) float32
 * @param inputNormed (T, d) act
 * @param q (T, H·hd) act, rotated
 * @param k (T, G·hd) act, rotated
 * @param v (T, G·hd) act
 * @param logSumExp (H, T) float32
 * @param attended (T, H·hd) act
 * @param middle (T, d) float32: the residual stream between attention and MLP
 * @param middleInverseRms (1, T) float32
 * @param middleNormed (T, d) act
 * @param gate (T, F) act
 * @param up (T, F) act
 * @param mlp (T, F) act: silu(gate) · up
 * @param ranks (T, R) act: the adapters' h for the four projection groups
 */
record LayerActivations(
    Tensor input,
    Tensor inputInverseRms,
    Tensor inputNormed,
    Tensor q,
    Tensor k,
    Tensor v,
    Tensor logSumExp,
    Tensor attended,
    Tensor middle,
    Tensor middleInverseRms,
    Tensor middleNormed,
    Tensor gate,
    Tensor up,
    Tensor mlp,
    RankBuffers ranks) {

  /** The low-rank intermediates of a layer's four groups, each (T, R of the group) act. */
  record RankBuffers(
      Tensor attentionInput, Tensor attentionOutput, Tensor mlpInput, Tensor mlpOutput) {

    static RankBuffers allocate(Kernels kernels, int tokens, StackedRanks ranks) {
      return new RankBuffers(
          allocate(kernels, tokens, ranks.of(ProjectionGroup.ATTENTION_INPUT)),
          allocate(kernels, tokens, ranks.of(ProjectionGroup.ATTENTION_OUTPUT)),
          allocate(kernels, tokens, ranks.of(ProjectionGroup.MLP_INPUT)),
          allocate(kernels, tokens, ranks.of(ProjectionGroup.MLP_OUTPUT)));
    }

    private static Tensor allocate(Kernels kernels, int tokens, int rank) {
      return kernels.allocate(kernels.activationType(), tokens, Math.max(1, rank));
    }

    RankBuffers rows(int tokens) {
      return new RankBuffers(
          attentionInput.rows(0, tokens),
          attentionOutput.rows(0, tokens),
          mlpInput.rows(0, tokens),
          mlpOutput.rows(0, tokens));
    }
  }

  static LayerActivations allocate(
      Kernels kernels, ModelConfig config, int tokens, StackedRanks ranks) {
    ElementType act = kernels.activationType();
    ElementType f32 = ElementType.F32;
    int hidden = config.hiddenSize();
    int queries = config.heads() * config.headDim();
    int keys = config.kvHeads() * config.headDim();
    int intermediate = config.intermediateSize();
    return new LayerActivations(
        kernels.allocate(f32, tokens, hidden),
        kernels.allocate(f32, 1, tokens),
        kernels.allocate(act, tokens, hidden),
        kernels.allocate(act, tokens, queries),
        kernels.allocate(act, tokens, keys),
        kernels.allocate(act, tokens, keys),
        kernels.allocate(f32, config.heads(), tokens),
        kernels.allocate(act, tokens, queries),
        kernels.allocate(f32, tokens, hidden),
        kernels.allocate(f32, 1, tokens),
        kernels.allocate(act, tokens, hidden),
        kernels.allocate(act, tokens, intermediate),
        kernels.allocate(act, tokens, intermediate),
        kernels.allocate(act, tokens, intermediate),
        RankBuffers.allocate(kernels, tokens, ranks));
  }

  /** The same memory behind another input. */
  LayerActivations withInput(Tensor other) {
    return new LayerActivations(
        other,
        inputInverseRms,
        inputNormed,
        q,
        k,
        v,
        logSumExp,
        attended,
        middle,
        middleInverseRms,
        middleNormed,
        gate,
        up,
        mlp,
        ranks);
  }

  /** The same memory for a smaller micro-batch. */
  LayerActivations rows(int tokens) {
    return new LayerActivations(
        input.rows(0, tokens),
        inputInverseRms.first(tokens),
        inputNormed.rows(0, tokens),
        q.rows(0, tokens),
        k.rows(0, tokens),
        v.rows(0, tokens),
        logSumExp.columns(0, tokens),
        attended.rows(0, tokens),
        middle.rows(0, tokens),
        middleInverseRms.first(tokens),
        middleNormed.rows(0, tokens),
        gate.rows(0, tokens),
        up.rows(0, tokens),
        mlp.rows(0, tokens),
        ranks.rows(tokens));
  }
}
