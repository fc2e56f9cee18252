package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import org.nd4j.linalg.api.buffer.DataType;

class ReferenceFloatGradientsTest extends FloatGradientContract {

  @Override
  protected Kernels create() {
    return new ReferenceKernels(DataType.FLOAT, ElementType.F32);
  }
}
