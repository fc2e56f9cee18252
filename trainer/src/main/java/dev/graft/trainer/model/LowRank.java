package dev.graft.trainer.model;

import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The LoRA of one {@link ProjectionGroup} in one layer (Hu et al. 2021, section 4.1): each adapted
 * member computes {@code y += scale · (x Aᵀ) Bᵀ}. The members' A matrices are stacked, so that x is
 * read once: R is the sum of their ranks.
 *
 * <p>A member may learn the difference of two pairs, {@code y += scale · (x Aᵀ Bᵀ - x A₀ᵀ B₀ᵀ)},
 * with A₀ and B₀ frozen (PiSSA, Meng et al. 2024, whose residual base W - scale · B₀A₀ is never
 * made). It then has twice the rank, as {@code [A; A - A₀]} and {@code [B - B₀, B₀]}, which says
 * the same without the difference of two large numbers.
 *
 * @param a (R, in) act: what products read
 * @param aGradient (Rₜ, in) float32, added to by the backward: the members' A follow each other
 * @param members one for each projection of the group, in order; null where it has no adapter
 */
public record LowRank(Tensor a, Tensor aGradient, List<@Nullable Member> members) {

  /**
   * One adapted linear layer.
   *
   * @param firstRow where its A begins among the stacked rows; it has {@code b.columns()} of them
   * @param b (out, r) act; of a difference (out, 2r)
   * @param bGradient (out, r) float32, added to by the backward
   * @param scale {@code alpha / r}, or {@code alpha / sqrt(r)} for rsLoRA
   * @param magnitude null without DoRA
   */
  public record Member(
      int firstRow, Tensor b, Tensor bGradient, float scale, @Nullable Magnitude magnitude) {

    /** This member's columns of a matrix whose columns are the stacked rank. */
    Tensor slice(Tensor stacked) {
      return stacked.columns(firstRow, b.columns());
    }

    /** r: columns of the B that is trained. */
    int trainedRank() {
      return bGradient.columns();
    }

    /** Whether this learns the difference of two pairs. */
    boolean isDifference() {
      return b.columns() > trainedRank();
    }
  }

  /**
   * DoRA (Liu et al. 2024): the output of {@code W + scale · B A} is multiplied with {@code m / c},
   * m being learned and c the lengths of that matrix's rows.
   *
   * @param gains (1, out) float32: m / c
   * @param inverseLengths (1, out) float32: 1 / c
   * @param gradient (1, out) float32: of m, added to by the backward
   */
  public record Magnitude(Tensor gains, Tensor inverseLengths, Tensor gradient) {}

  /** Whether the members' A are all that the stacked A holds. */
  boolean isTrainedWhole() {
    return aGradient.rows() == a.rows();
  }

  /** R: rows of the stacked A. */
  public int stackedRank() {
    return a.rows();
  }
}
