package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;

/** Central differences of the float32 kernels. */
class CpuKernelsGradientsTest extends FloatGradientContract {

  @Override
  protected Kernels create() {
    return new CpuKernels(ElementType.F32, 2);
  }
}
