package dev.graft.trainer.kernels.reference;

import dev.graft.trainer.tensor.HostArrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** What attention, loss and linear layers share. */
final class Algebra {

  private Algebra() {}

  /** {@code a b} */
  static INDArray product(INDArray a, INDArray b) {
    return HostArrays.product(a, false, b, false);
  }

  /** {@code a bᵀ} */
  static INDArray productWithTransposed(INDArray a, INDArray b) {
    return HostArrays.product(a, false, b, true);
  }

  /** {@code aᵀ b} */
  static INDArray transposedProduct(INDArray a, INDArray b) {
    return HostArrays.product(a, true, b, false);
  }

  /**
   * {@code log(Σ exp(x))} of each row, as a column. The largest element is taken out first, so that
   * nothing overflows.
   */
  static INDArray logSumExp(INDArray x) {
    INDArray largest = x.max(true, 1);
    INDArray sum = Transforms.exp(x.sub(largest), false).sum(true, 1);
    return Transforms.log(sum, false).addi(largest);
  }
}
