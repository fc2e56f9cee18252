package dev.graft.trainer.train;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import org.nd4j.linalg.api.buffer.DataType;

class ReferenceGoldenRunTest extends GoldenRunContract {

  @Override
  Kernels kernels() {
    return new ReferenceKernels(DataType.FLOAT, ElementType.F32);
  }
}
