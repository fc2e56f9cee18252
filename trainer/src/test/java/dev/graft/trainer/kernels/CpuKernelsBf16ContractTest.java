package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;

/** On two threads; products are emulated in float32 where the processor has no bfloat16. */
class CpuKernelsBf16ContractTest extends KernelsContract {

  @Override
  Kernels create() {
    return new CpuKernels(ElementType.BF16, 2);
  }
}
