package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.LowRank.Member;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers that share an input, with their LoRA adapters; or trained themselves.
 *
 * <pre>
 *   forward     h  = s · x Aᵀ            all members' A in one product
 *               yᵢ = x Wᵢᵀ + hᵢ Bᵢᵀ
 *   backward    dBᵢ += dyᵢᵀ hᵢ           h already carries the scale
 *               dhᵢ  = s · dyᵢ Bᵢ
 *               dA  += dhᵀ x
 *               dx   = Σ dyᵢ Wᵢ + dh A
 *               dWᵢ += dyᵢᵀ x          where the weights are trained
 * </pre>
 *
 * With dropout the adapter reads {@code mask ⊙ x} in place of x, and its part of dx is masked
 * alike.
 */
final class LinearGroup {

  private final Kernels kernels;
  private final int layer;
  private final ProjectionGroup group;
  private final List<Tensor> weights; // (outᵢ, in)
  private final List<Tensor> weightGradients; // (outᵢ, in) float32; none where they are frozen
  private @Nullable LowRank lowRank;

  // Views of the rank buffers seen so far, one for each micro-batch size: a step makes no garbage.
  private final Map<Tensor, RankViews> rankViews = new HashMap<>();

  /**
   * A rank buffer as this group uses it.
   *
   * @param stacked (T, R)
   * @param members (T, r) for each member; null where it has no adapter
   */
  private record RankViews(Tensor stacked, List<@Nullable Tensor> members) {

    static RankViews of(LowRank lowRank, Tensor buffer) {
      Tensor stacked = buffer.columns(0, lowRank.stackedRank());
      List<@Nullable Tensor> members = new ArrayList<>();
      for (Member member : lowRank.members()) {
        members.add(member == null ? null : member.slice(stacked));
      }
      return new RankViews(stacked, Collections.unmodifiableList(members));
    }
  }

  LinearGroup(
      Kernels kernels,
      int layer,
      ProjectionGroup group,
      List<Tensor> weights,
      List<Tensor> weightGradients) {
    this.kernels = kernels;
    this.layer = layer;
    this.group = group;
    this.weights = List.copyOf(weights);
    this.weightGradients = List.copyOf(weightGradients);
  }

  void attach(@Nullable LowRank lowRank) {
    this.lowRank = lowRank;
    rankViews.clear();
  }

  private RankViews views(LowRank lowRank, Tensor buffer) {
    RankViews known = rankViews.get(buffer);
    if (known == null) {
      known = RankViews.of(lowRank, buffer);
      rankViews.put(buffer, known);
    }
    return known;
  }

  boolean isAdapted() {
    return lowRank != null;
  }

  /** R, or 0 without an adapter. */
  int stackedRank() {
    return lowRank == null ? 0 : lowRank.stackedRank();
  }

  /**
   * @param x (T, in) act
   * @param outputs (T, outᵢ) act or float32, one for each member
   * @param accumulate whether to add to the outputs
   * @param rankBuffer (T, at least R) act: h goes into its first R columns
   */
  void forward(
      Tensor x, List<Tensor> outputs, boolean accumulate, Tensor rankBuffer, InputDropout dropout) {
    for (int i = 0; i < weights.size(); i++) {
      kernels.linear(x, weights.get(i), outputs.get(i), accumulate);
    }
    if (lowRank == null) {
      return;
    }
    RankViews h = ranks(lowRank, x, rankBuffer, dropout);
    for (int i = 0; i < weights.size(); i++) {
      Member member = lowRank.members().get(i);
      Tensor memberRanks = h.members().get(i);
      if (member != null && memberRanks != null) {
        kernels.linear(memberRanks, member.b(), outputs.get(i), true);
      }
    }
  }

  /** The part of {@link #forward} that the backward reads: h, without any output. */
  void recompute(Tensor x, Tensor rankBuffer, InputDropout dropout) {
    if (lowRank != null) {
      ranks(lowRank, x, rankBuffer, dropout);
    }
  }

  private RankViews ranks(LowRank lowRank, Tensor x, Tensor rankBuffer, InputDropout dropout) {
    RankViews h = views(lowRank, rankBuffer);
    kernels.linear(dropout.apply(kernels, x, layer, group), lowRank.a(), h.stacked(), false);
    applyScales(lowRank, h);
    return h;
  }

  /**
   * @param x (T, in) act, as in the forward
   * @param rankBuffer what the forward left there
   * @param outputGradients (T, outᵢ) act
   * @param dx (T, in) act or float32, overwritten; null where nothing below is trained
   * @param rankGradient (T, at least R) act, scratch
   */
  void backward(
      Tensor x,
      Tensor rankBuffer,
      List<Tensor> outputGradients,
      @Nullable Tensor dx,
      Tensor rankGradient,
      InputDropout dropout) {
    if (dx != null) {
      for (int i = 0; i < weights.size(); i++) {
        kernels.linearBackwardInput(outputGradients.get(i), weights.get(i), dx, i > 0);
      }
    }
    for (int i = 0; i < weightGradients.size(); i++) {
      kernels.linearBackwardWeight(outputGradients.get(i), x, weightGradients.get(i), true);
    }
    if (lowRank == null) {
      return;
    }
    RankViews h = views(lowRank, rankBuffer);
    RankViews dh = views(lowRank, rankGradient);
    for (int i = 0; i < weights.size(); i++) {
      Member member = lowRank.members().get(i);
      Tensor ranks = h.members().get(i);
      Tensor gradients = dh.members().get(i);
      if (member != null && ranks != null && gradients != null) {
        Tensor dy = outputGradients.get(i);
        kernels.linearBackwardWeight(dy, ranks, member.bGradient(), true);
        kernels.linearBackwardInput(dy, member.b(), gradients, false);
      }
    }
    applyScales(lowRank, dh);
    Tensor read = dropout.apply(kernels, x, layer, group);
    kernels.linearBackwardWeight(dh.stacked(), read, lowRank.aGradient(), true);
    if (dx != null) {
      addAdapterInputGradient(lowRank, dh.stacked(), dx, dropout);
    }
  }

  private void addAdapterInputGradient(
      LowRank lowRank, Tensor dh, Tensor dx, InputDropout dropout) {
    if (!dropout.isOn()) {
      kernels.linearBackwardInput(dh, lowRank.a(), dx, true);
      return;
    }
    Tensor unmasked = dropout.temporary(dx.rows(), dx.columns());
    kernels.linearBackwardInput(dh, lowRank.a(), unmasked, false);
    kernels.dropout(unmasked, dropout.mask(layer, group), dx, true);
  }

  /** Scales each member's columns; one call where all scales are equal, as they mostly are. */
  private void applyScales(LowRank lowRank, RankViews views) {
    float common = 0;
    boolean equal = true;
    for (Member member : lowRank.members()) {
      if (member != null) {
        equal &= common == 0 || common == member.scale();
        common = member.scale();
      }
    }
    if (equal) {
      kernels.scale(views.stacked(), common);
      return;
    }
    for (int i = 0; i < weights.size(); i++) {
      Member member = lowRank.members().get(i);
      Tensor ranks = views.members().get(i);
      if (member != null && ranks != null) {
        kernels.scale(ranks, member.scale());
      }
    }
  }
}
