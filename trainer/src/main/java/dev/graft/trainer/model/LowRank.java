package dev.graft.trainer.model;

import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The LoRA of one {@link ProjectionGroup} in one layer (Hu et al. 2021, section 4.1): each adapted
 * member computes {@code y += scale · (x Aᵀ) Bᵀ}. The members' A matrices are stacked, so that x is
 * read once: R is the sum of their ranks.
 *
 * @param a (R, in) act: what products read
 * @param aGradient (R, in) float32, added to by the backward
 * @param members one for each projection of the group, in order; null where it has no adapter
 */
public record LowRank(Tensor a, Tensor aGradient, List<@Nullable Member> members) {

  /**
   * One adapted linear layer.
   *
   * @param firstRow where its A begins among the stacked rows; it has {@code b.columns()} of them
   * @param b (out, r) act
   * @param bGradient (out, r) float32, added to by the backward
   * @param scale {@code alpha / r}, or {@code alpha / sqrt(r)} for rsLoRA
   */
  public record Member(int firstRow, Tensor b, Tensor bGradient, float scale) {

    /** This member's columns of a matrix whose columns are the stacked rank. */
    Tensor slice(Tensor stacked) {
      return stacked.columns(firstRow, b.columns());
    }
  }

  /** R: rows of the stacked A. */
  public int stackedRank() {
    return a.rows();
  }
}
