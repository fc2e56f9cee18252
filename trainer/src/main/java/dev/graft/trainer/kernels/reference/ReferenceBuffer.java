package dev.graft.trainer.kernels.reference;

import dev.graft.trainer.tensor.DeviceBuffer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Memory of the reference kernels: an array of the computing type, whatever the tensors on it are.
 *
 * @param array contiguous, C order
 * @param master the parameter this is a copy of, if it is a copy of one
 */
record ReferenceBuffer(INDArray array, @Nullable INDArray master) implements DeviceBuffer {

  /** The buffer of a tensor that the reference kernels made. */
  static ReferenceBuffer of(DeviceBuffer buffer) {
    if (buffer instanceof ReferenceBuffer ours) {
      return ours;
    }
    throw new IllegalArgumentException("a tensor of other kernels: " + buffer.getClass());
  }
}
