package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Memory that every layer uses in turn during the backward, and nobody keeps.
 *
 * @param residualGradient (T, d) float32: dL/d(residual stream), carried from layer to layer
 * @param residualGradientAct (T, d) act: the same, as products read it; in float32 the same memory
 * @param normedGradient (T, d) float32
 * @param queryGradient (T, H·hd) act
 * @param keyGradient (T, G·hd) act
 * @param valueGradient (T, G·hd) act
 * @param attendedGradient (T, H·hd) act
 * @param mlpGradient (T, F) act: of silu(gate) · up, then of gate
 * @param upGradient (T, F) act
 * @param adapters of the adapters
 * @param masked (T, widest input) act: an adapter input under dropout; null without
 */
record Scratch(
    Tensor residualGradient,
    Tensor residualGradientAct,
    Tensor normedGradient,
    Tensor queryGradient,
    Tensor keyGradient,
    Tensor valueGradient,
    Tensor attendedGradient,
    Tensor mlpGradient,
    Tensor upGradient,
    AdapterActivations.Scratch adapters,
    @Nullable Tensor masked) {

  static Scratch allocate(
      Kernels kernels, ModelConfig config, int tokens, StackedRanks ranks, boolean dropout) {
    ElementType act = kernels.activationType();
    int hidden = config.hiddenSize();
    int queries = config.heads() * config.headDim();
    int keys = config.kvHeads() * config.headDim();
    int intermediate = config.intermediateSize();
    int widest = Math.max(hidden, Math.max(queries, intermediate));
    Tensor residual = kernels.allocate(ElementType.F32, tokens, hidden);
    return new Scratch(
        residual,
        act == ElementType.F32 ? residual : kernels.allocate(act, tokens, hidden),
        kernels.allocate(ElementType.F32, tokens, hidden),
        kernels.allocate(act, tokens, queries),
        kernels.allocate(act, tokens, keys),
        kernels.allocate(act, tokens, keys),
        kernels.allocate(act, tokens, queries),
        kernels.allocate(act, tokens, intermediate),
        kernels.allocate(act, tokens, intermediate),
        AdapterActivations.Scratch.allocate(kernels, config, tokens, ranks),
        dropout ? kernels.allocate(act, tokens, widest) : null);
  }

  /** dL/d(residual) as products read it: rounded to act, or the very same memory in float32. */
  Tensor residualGradientForProducts(Kernels kernels) {
    if (!residualGradientAct.equals(residualGradient)) {
      kernels.copy(residualGradient, residualGradientAct);
    }
    return residualGradientAct;
  }

  Scratch rows(int tokens) {
    return new Scratch(
        residualGradient.rows(0, tokens),
        residualGradientAct.rows(0, tokens),
        normedGradient.rows(0, tokens),
        queryGradient.rows(0, tokens),
        keyGradient.rows(0, tokens),
        valueGradient.rows(0, tokens),
        attendedGradient.rows(0, tokens),
        mlpGradient.rows(0, tokens),
        upGradient.rows(0, tokens),
        adapters.rows(tokens),
        masked);
  }
}
