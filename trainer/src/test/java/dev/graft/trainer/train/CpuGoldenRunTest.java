package dev.graft.trainer.train;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;

class CpuGoldenRunTest extends GoldenRunContract {

  @Override
  Kernels kernels() {
    return new CpuKernels(ElementType.F32, 2);
  }
}
