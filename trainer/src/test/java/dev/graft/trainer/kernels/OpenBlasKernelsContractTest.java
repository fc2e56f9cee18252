package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.cpu.CpuLibrary;
import dev.graft.trainer.tensor.ElementType;

/** What multiplies where oneDNN has nothing fast: another processor, another system. */
class OpenBlasKernelsContractTest extends KernelsContract {

  @Override
  Kernels create() {
    return new CpuKernels(ElementType.F32, 2, CpuLibrary.OPENBLAS);
  }
}
