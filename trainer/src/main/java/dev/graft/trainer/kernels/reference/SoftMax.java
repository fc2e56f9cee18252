package dev.graft.trainer.kernels.reference;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** The one softmax: of attention and of the loss. */
final class SoftMax {

  private SoftMax() {}

  /**
   * {@code log(Σ exp(x))} of each row, as a column. The largest element is taken out first, so that
   * nothing overflows.
   */
  static INDArray logSumExp(INDArray x) {
    INDArray largest = x.max(true, 1);
    INDArray sum = Transforms.exp(x.sub(largest), false).sum(true, 1);
    return Transforms.log(sum, false).add(largest);
  }
}
