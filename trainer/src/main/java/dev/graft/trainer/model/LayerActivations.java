package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.function.Function;

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
 * @param adapters what the adapters of the four projection groups leave
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
    OfGroups adapters) {

  /** Of the adapters of a layer's four groups. */
  record OfGroups(
      AdapterActivations attentionInput,
      AdapterActivations attentionOutput,
      AdapterActivations mlpInput,
      AdapterActivations mlpOutput) {

    static OfGroups allocate(Kernels kernels, ModelConfig config, int tokens, StackedRanks ranks) {
      Function<ProjectionGroup, AdapterActivations> of =
          group -> AdapterActivations.allocate(kernels, config, tokens, ranks, group);
      return new OfGroups(
          of.apply(ProjectionGroup.ATTENTION_INPUT),
          of.apply(ProjectionGroup.ATTENTION_OUTPUT),
          of.apply(ProjectionGroup.MLP_INPUT),
          of.apply(ProjectionGroup.MLP_OUTPUT));
    }

    OfGroups rows(int tokens) {
      return new OfGroups(
          attentionInput.rows(tokens),
          attentionOutput.rows(tokens),
          mlpInput.rows(tokens),
          mlpOutput.rows(tokens));
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
        OfGroups.allocate(kernels, config, tokens, ranks));
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
        adapters);
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
        adapters.rows(tokens));
  }
}
