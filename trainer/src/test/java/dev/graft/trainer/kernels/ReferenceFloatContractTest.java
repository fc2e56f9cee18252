package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import org.nd4j.linalg.api.buffer.DataType;

class ReferenceFloatContractTest extends KernelsContract {

  @Override
  Kernels create() {
    return new ReferenceKernels(DataType.FLOAT, ElementType.F32);
  }
}
