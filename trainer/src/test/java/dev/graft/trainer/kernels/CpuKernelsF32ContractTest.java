package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;

/** On two threads, so that loops are shared out. */
class CpuKernelsF32ContractTest extends KernelsContract {

  @Override
  Kernels create() {
    return new CpuKernels(ElementType.F32, 2);
  }
}
