package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.LowRank.Magnitude;
import dev.graft.trainer.model.LowRank.Member;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
 *
 * <p>A member with magnitudes m (DoRA, Liu et al. 2024) multiplies what it had with {@code m / c},
 * c being the lengths of the rows of {@code Wᵢ + s · BᵢAᵢ}, which count as constants (section 4.3):
 *
 * <pre>
 *   forward     uᵢ  = x Wᵢᵀ + hᵢ Bᵢᵀ      yᵢ  = uᵢ ⊙ m / c
 *   backward    dm += Σ dyᵢ ⊙ uᵢ / c      duᵢ = dyᵢ ⊙ m / c      and duᵢ in place of dyᵢ above
 * </pre>
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
   * @param members (T, r) for each member, (T, 2r) of a difference; null where it has no adapter
   * @param trained (T, r) for each member: the columns of A and B that are trained
   * @param frozen (T, r) for each member: the other columns of a difference; null of all others
   */
  private record RankViews(
      Tensor stacked,
      List<@Nullable Tensor> members,
      List<@Nullable Tensor> trained,
      List<@Nullable Tensor> frozen) {

    static RankViews of(LowRank lowRank, Tensor buffer) {
      Tensor stacked = buffer.columns(0, lowRank.stackedRank());
      List<@Nullable Tensor> members = new ArrayList<>();
      List<@Nullable Tensor> trained = new ArrayList<>();
      List<@Nullable Tensor> frozen = new ArrayList<>();
      for (Member member : lowRank.members()) {
        Tensor all = member == null ? null : member.slice(stacked);
        members.add(all);
        int rank = member == null ? 0 : member.trainedRank();
        trained.add(all == null ? null : all.columns(0, rank));
        boolean difference = member != null && member.isDifference();
        frozen.add(all == null || !difference ? null : all.columns(rank, all.columns() - rank));
      }
      return new RankViews(
          stacked,
          Collections.unmodifiableList(members),
          Collections.unmodifiableList(trained),
          Collections.unmodifiableList(frozen));
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
   * @param kept what the backward needs of the adapters goes here
   */
  void forward(
      Tensor x,
      List<Tensor> outputs,
      boolean accumulate,
      AdapterActivations kept,
      InputDropout dropout) {
    for (int i = 0; i < weights.size(); i++) {
      if (direction(i, kept) == null) {
        kernels.linear(x, weights.get(i), outputs.get(i), accumulate);
      }
    }
    if (lowRank == null) {
      return;
    }
    RankViews h = ranks(lowRank, x, kept.ranks(), dropout);
    for (int i = 0; i < weights.size(); i++) {
      Member member = lowRank.members().get(i);
      Tensor memberRanks = h.members().get(i);
      Tensor direction = direction(i, kept);
      if (member != null && memberRanks != null && direction == null) {
        kernels.linear(memberRanks, member.b(), outputs.get(i), true);
      } else if (member != null && memberRanks != null && direction != null) {
        direct(x, i, memberRanks, member, direction);
        Tensor gains = magnitudeOf(member).gains();
        kernels.scaleColumns(direction, gains, outputs.get(i), accumulate);
      }
    }
  }

  /** {@code u = x Wᵀ + h Bᵀ} of one member. */
  private void direct(Tensor x, int i, Tensor memberRanks, Member member, Tensor direction) {
    kernels.linear(x, weights.get(i), direction, false);
    kernels.linear(memberRanks, member.b(), direction, true);
  }

  /** Where u of a member goes; null where it has no magnitudes. */
  private @Nullable Tensor direction(int i, AdapterActivations kept) {
    Member member = lowRank == null ? null : lowRank.members().get(i);
    if (member == null || member.magnitude() == null) {
      return null;
    }
    Tensor direction = kept.directions().get(i);
    if (direction == null) {
      throw new IllegalStateException("magnitudes without memory for what they multiply");
    }
    return direction;
  }

  private static Magnitude magnitudeOf(Member member) {
    return Objects.requireNonNull(member.magnitude());
  }

  /** The part of {@link #forward} that the backward reads, without any output. */
  void recompute(Tensor x, AdapterActivations kept, InputDropout dropout) {
    if (lowRank == null) {
      return;
    }
    RankViews h = ranks(lowRank, x, kept.ranks(), dropout);
    for (int i = 0; i < weights.size(); i++) {
      Member member = lowRank.members().get(i);
      Tensor memberRanks = h.members().get(i);
      Tensor direction = direction(i, kept);
      if (member != null && memberRanks != null && direction != null) {
        direct(x, i, memberRanks, member, direction);
      }
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
   * @param kept what the forward left there
   * @param outputGradients (T, outᵢ) act
   * @param dx (T, in) act or float32, overwritten; null where nothing below is trained
   */
  void backward(
      Tensor x,
      AdapterActivations kept,
      List<Tensor> outputGradients,
      @Nullable Tensor dx,
      AdapterActivations.Scratch scratch,
      InputDropout dropout) {
    for (int i = 0; i < weights.size(); i++) {
      Tensor dy = towardsDirection(i, kept, outputGradients.get(i), scratch);
      if (dx != null) {
        kernels.linearBackwardInput(dy, weights.get(i), dx, i > 0);
      }
      if (lowRank != null) {
        backwardB(lowRank, i, dy, kept, scratch);
      }
    }
    for (int i = 0; i < weightGradients.size(); i++) {
      kernels.linearBackwardWeight(outputGradients.get(i), x, weightGradients.get(i), true);
    }
    if (lowRank == null) {
      return;
    }
    RankViews dh = views(lowRank, scratch.ranks());
    applyScales(lowRank, dh);
    Tensor read = dropout.apply(kernels, x, layer, group);
    if (lowRank.isTrainedWhole()) {
      kernels.linearBackwardWeight(dh.stacked(), read, lowRank.aGradient(), true);
    } else {
      backwardOfDifferences(lowRank, dh, read);
    }
    if (dx != null) {
      addAdapterInputGradient(lowRank, dh.stacked(), dx, dropout);
    }
  }

  /** From dy of a member to du, adding to dm; dy itself where it has no magnitudes. */
  private Tensor towardsDirection(
      int i, AdapterActivations kept, Tensor dy, AdapterActivations.Scratch scratch) {
    Member member = lowRank == null ? null : lowRank.members().get(i);
    Tensor direction = direction(i, kept);
    if (member == null || direction == null) {
      return dy;
    }
    Magnitude magnitude = magnitudeOf(member);
    Tensor du = Objects.requireNonNull(scratch.direction()).columns(0, dy.columns());
    kernels.scaleColumnsBackwardFactors(
        dy, direction, magnitude.inverseLengths(), magnitude.gradient());
    kernels.scaleColumns(dy, magnitude.gains(), du, false);
    return du;
  }

  /** The gradient of a member's B, and dh of its ranks. */
  private void backwardB(
      LowRank lowRank,
      int i,
      Tensor dy,
      AdapterActivations kept,
      AdapterActivations.Scratch scratch) {
    Member member = lowRank.members().get(i);
    Tensor ranks = views(lowRank, kept.ranks()).trained().get(i);
    Tensor gradients = views(lowRank, scratch.ranks()).members().get(i);
    if (member != null && ranks != null && gradients != null) {
      kernels.linearBackwardWeight(dy, ranks, member.bGradient(), true);
      kernels.linearBackwardInput(dy, member.b(), gradients, false);
    }
  }

  /** {@code dA = (dh + dh₀)ᵀ x} for each member: A is in both of the pairs' products. */
  private void backwardOfDifferences(LowRank lowRank, RankViews dh, Tensor read) {
    int row = 0;
    for (int i = 0; i < weights.size(); i++) {
      Tensor trained = dh.trained().get(i);
      Tensor frozen = dh.frozen().get(i);
      if (trained == null) {
        continue;
      }
      Tensor gradient = lowRank.aGradient().rows(row, trained.columns());
      kernels.linearBackwardWeight(trained, read, gradient, true);
      if (frozen != null) {
        kernels.linearBackwardWeight(frozen, read, gradient, true);
      }
      row += trained.columns();
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
