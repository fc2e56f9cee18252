package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.cuda.SharedCuda;
import dev.graft.trainer.tensor.ElementType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;

@Tag("simulator")
class CudaKernelsBf16ContractTest extends KernelsContract {

  private static final SharedCuda CUDA = new SharedCuda(ElementType.BF16);

  @Override
  Kernels create() {
    return CUDA.kernels();
  }

  @AfterAll
  static void closeAll() {
    CUDA.close();
  }
}
