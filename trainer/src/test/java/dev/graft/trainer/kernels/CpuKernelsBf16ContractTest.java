package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;

class CpuKernelsBf16ContractTest extends KernelsContract {

  @Override
  Kernels create() {
    return new CpuKernels(ElementType.BF16, 2);
  }
}
