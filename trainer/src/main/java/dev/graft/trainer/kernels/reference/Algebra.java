package dev.graft.trainer.kernels.reference;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** What attention, loss and linear layers share. */
final class Algebra {

  private Algebra() {}

  /** The matrix product, in Fortran order: only for that does ND4J call BLAS and not a loop. */
  static INDArray product(INDArray a, INDArray b) {
    return a.mmul(b, 'f');
  }

  /**
   * {@code log(Σ exp(x))} of each row, as a column. The largest element is taken out first, so that
   * nothing overflows.
   */
  static INDArray logSumExp(INDArray x) {
    INDArray largest = x.max(true, 1);
    INDArray sum = Transforms.exp(x.sub(largest), true).sum(true, 1);
    return Transforms.log(sum, true).add(largest);
  }
}
