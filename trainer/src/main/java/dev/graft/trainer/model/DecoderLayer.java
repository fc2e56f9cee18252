package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One decoder layer of a Llama or Mistral model (Hugging Face: {@code LlamaDecoderLayer}).
 *
 * <pre>
 *   n      = RMSNorm(x)                      q, k, v = n Wᵀ         q, k = rope(q), rope(k)
 *   middle = x + attention(q, k, v) Woᵀ
 *   m      = RMSNorm(middle)                 gate, up = m Wᵀ
 *   output = middle + (silu(gate) · up) Wdownᵀ
 * </pre>
 *
 * The residual stream is float32; the products add to it directly.
 */
final class DecoderLayer {

  private final Kernels kernels;
  private final LlamaWeights.Layer weights;
  private final LlamaWeights.@Nullable Layer gradients;
  private final AttentionShape shape;
  private final float epsilon;
  private final LinearGroup attentionInput;
  private final LinearGroup attentionOutput;
  private final LinearGroup mlpInput;
  private final LinearGroup mlpOutput;

  /**
   * @param gradients of the weights, added to by the backward; null where they are frozen
   */
  DecoderLayer(
      Kernels kernels,
      ModelConfig config,
      int layer,
      LlamaWeights.Layer weights,
      LlamaWeights.@Nullable Layer gradients) {
    this.kernels = kernels;
    this.weights = weights;
    this.gradients = gradients;
    this.shape = attentionShape(config);
    this.epsilon = (float) config.rmsNormEps();
    this.attentionInput = group(layer, ProjectionGroup.ATTENTION_INPUT);
    this.attentionOutput = group(layer, ProjectionGroup.ATTENTION_OUTPUT);
    this.mlpInput = group(layer, ProjectionGroup.MLP_INPUT);
    this.mlpOutput = group(layer, ProjectionGroup.MLP_OUTPUT);
  }

  private LinearGroup group(int layer, ProjectionGroup group) {
    List<Tensor> weightGradients = gradients == null ? List.of() : gradients.of(group);
    return new LinearGroup(kernels, layer, group, weights.of(group), weightGradients);
  }

  private static AttentionShape attentionShape(ModelConfig config) {
    Integer window = config.slidingWindow();
    return new AttentionShape(
        config.heads(),
        config.kvHeads(),
        config.headDim(),
        window == null ? AttentionShape.FULL : window);
  }

  void attach(ProjectionGroup group, @Nullable LowRank lowRank) {
    switch (group) {
      case ATTENTION_INPUT -> attentionInput.attach(lowRank);
      case ATTENTION_OUTPUT -> attentionOutput.attach(lowRank);
      case MLP_INPUT -> mlpInput.attach(lowRank);
      case MLP_OUTPUT -> mlpOutput.attach(lowRank);
    }
  }

  boolean isAdapted() {
    return attentionInput.isAdapted()
        || attentionOutput.isAdapted()
        || mlpInput.isAdapted()
        || mlpOutput.isAdapted();
  }

  /**
   * @param a memory for everything the backward needs; {@code a.input()} holds the input
   * @param output (T, d) float32
   */
  void forward(
      LayerActivations a,
      Tensor output,
      DeviceTokens tokens,
      RotaryTable rotary,
      InputDropout dropout) {
    attention(a, tokens, rotary, dropout);
    kernels.copy(a.middle(), output);
    mlp(a, a.middle(), output, dropout);
  }

  /**
   * Computes again, from {@code a.input()}, what the backward reads: the same bits that the forward
   * left, but not the layer's output.
   */
  void recompute(
      LayerActivations a, DeviceTokens tokens, RotaryTable rotary, InputDropout dropout) {
    attention(a, tokens, rotary, dropout);
    gatedUp(a, a.middle(), dropout);
    mlpOutput.recompute(a.mlp(), a.adapters().mlpOutput(), dropout);
  }

  /** From the layer's input to the residual stream behind attention, {@code a.middle()}. */
  private void attention(
      LayerActivations a, DeviceTokens tokens, RotaryTable rotary, InputDropout dropout) {
    kernels.rmsNorm(a.input(), weights.inputNorm(), epsilon, a.inputNormed(), a.inputInverseRms());
    List<Tensor> queryKeyValue = List.of(a.q(), a.k(), a.v());
    attentionInput.forward(
        a.inputNormed(), queryKeyValue, false, a.adapters().attentionInput(), dropout);
    kernels.rope(a.q(), tokens.positions(), rotary.cosine(), rotary.sine());
    kernels.rope(a.k(), tokens.positions(), rotary.cosine(), rotary.sine());
    kernels.attention(
        a.q(), a.k(), a.v(), tokens.segmentStarts(), shape, a.attended(), a.logSumExp());
    kernels.copy(a.input(), a.middle());
    attentionOutput.forward(
        a.attended(), List.of(a.middle()), true, a.adapters().attentionOutput(), dropout);
  }

  /** Adds the MLP of the normed {@code residual} to {@code output}, which may be the same. */
  private void mlp(LayerActivations a, Tensor residual, Tensor output, InputDropout dropout) {
    gatedUp(a, residual, dropout);
    mlpOutput.forward(a.mlp(), List.of(output), true, a.adapters().mlpOutput(), dropout);
  }

  /** From the residual stream to what the MLP's output projection reads, {@code a.mlp()}. */
  private void gatedUp(LayerActivations a, Tensor residual, InputDropout dropout) {
    kernels.rmsNorm(
        residual, weights.postAttentionNorm(), epsilon, a.middleNormed(), a.middleInverseRms());
    List<Tensor> gateUp = List.of(a.gate(), a.up());
    mlpInput.forward(a.middleNormed(), gateUp, false, a.adapters().mlpInput(), dropout);
    kernels.swiGlu(a.gate(), a.up(), a.mlp());
  }

  /**
   * Turns {@code s.residualGradient()} from the gradient of this layer's output into the gradient
   * of its input, and adds to the gradients of adapters or weights on the way.
   *
   * @param needsInputGradient whether anything below this layer is trained
   */
  void backward(
      LayerActivations a,
      Scratch s,
      DeviceTokens tokens,
      RotaryTable rotary,
      boolean needsInputGradient,
      InputDropout dropout) {
    backwardMlp(a, s, dropout);
    backwardAttention(a, s, tokens, rotary, needsInputGradient, dropout);
  }

  private void backwardMlp(LayerActivations a, Scratch s, InputDropout dropout) {
    Tensor dOutput = s.residualGradientForProducts(kernels);
    mlpOutput.backward(
        a.mlp(),
        a.adapters().mlpOutput(),
        List.of(dOutput),
        s.mlpGradient(),
        s.adapters(),
        dropout);
    Tensor gateGradient = s.mlpGradient();
    kernels.swiGluBackward(a.gate(), a.up(), s.mlpGradient(), gateGradient, s.upGradient());
    mlpInput.backward(
        a.middleNormed(),
        a.adapters().mlpInput(),
        List.of(gateGradient, s.upGradient()),
        s.normedGradient(),
        s.adapters(),
        dropout);
    kernels.rmsNormBackward(
        s.normedGradient(),
        a.middle(),
        weights.postAttentionNorm(),
        a.middleInverseRms(),
        s.residualGradient());
    if (gradients != null) {
      kernels.rmsNormBackwardWeight(
          s.normedGradient(), a.middle(), a.middleInverseRms(), gradients.postAttentionNorm());
    }
  }

  private void backwardAttention(
      LayerActivations a,
      Scratch s,
      DeviceTokens tokens,
      RotaryTable rotary,
      boolean needsInputGradient,
      InputDropout dropout) {
    Tensor dMiddle = s.residualGradientForProducts(kernels);
    attentionOutput.backward(
        a.attended(),
        a.adapters().attentionOutput(),
        List.of(dMiddle),
        s.attendedGradient(),
        s.adapters(),
        dropout);
    if (!needsInputGradient && !attentionInput.isAdapted()) {
      return;
    }
    kernels.attentionBackward(
        a.q(),
        a.k(),
        a.v(),
        tokens.segmentStarts(),
        shape,
        a.attended(),
        a.logSumExp(),
        s.attendedGradient(),
        s.queryGradient(),
        s.keyGradient(),
        s.valueGradient());
    kernels.ropeBackward(s.queryGradient(), tokens.positions(), rotary.cosine(), rotary.sine());
    kernels.ropeBackward(s.keyGradient(), tokens.positions(), rotary.cosine(), rotary.sine());
    attentionInput.backward(
        a.inputNormed(),
        a.adapters().attentionInput(),
        List.of(s.queryGradient(), s.keyGradient(), s.valueGradient()),
        needsInputGradient ? s.normedGradient() : null,
        s.adapters(),
        dropout);
    if (needsInputGradient) {
      kernels.rmsNormBackward(
          s.normedGradient(),
          a.input(),
          weights.inputNorm(),
          a.inputInverseRms(),
          s.residualGradient());
    }
    if (gradients != null) {
      kernels.rmsNormBackwardWeight(
          s.normedGradient(), a.input(), a.inputInverseRms(), gradients.inputNorm());
    }
  }

  /**
   * Moves the residual stream in {@code a.input()} through this layer, reading and extending a
   * key-value cache.
   *
   * @param a memory for a forward; only {@code a.input()} matters afterwards
   * @param positions (1, T) I32: where the new tokens stand in their sequences
   * @param cache this layer's keys and values
   * @param into where the new tokens go in it
   */
  void decode(
      LayerActivations a,
      Tensor positions,
      RotaryTable rotary,
      KeyValueCache.Layer cache,
      NewTokens into) {
    Tensor residual = a.input();
    kernels.rmsNorm(residual, weights.inputNorm(), epsilon, a.inputNormed(), a.inputInverseRms());
    attentionInput.forward(
        a.inputNormed(),
        List.of(a.q(), a.k(), a.v()),
        false,
        a.adapters().attentionInput(),
        InputDropout.OFF);
    kernels.rope(a.q(), positions, rotary.cosine(), rotary.sine());
    kernels.rope(a.k(), positions, rotary.cosine(), rotary.sine());
    into.store(kernels, a.k(), a.v(), cache);
    into.attend(kernels, a.q(), cache, shape, a.attended());
    attentionOutput.forward(
        a.attended(), List.of(residual), true, a.adapters().attentionOutput(), InputDropout.OFF);
    mlp(a, residual, residual, InputDropout.OFF);
  }
}
