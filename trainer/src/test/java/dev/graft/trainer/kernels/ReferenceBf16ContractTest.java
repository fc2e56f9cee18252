package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import org.junit.jupiter.api.Tag;
import org.nd4j.linalg.api.buffer.DataType;

/** Nightly: that activations are rounded is all that differs from float32. */
@Tag("nightly")
class ReferenceBf16ContractTest extends KernelsContract {

  @Override
  Kernels create() {
    return new ReferenceKernels(DataType.FLOAT, ElementType.BF16);
  }
}
