package dev.graft.trainer.train;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;

/**
 * bfloat16 keeps 8 bits of a number, so single values are off by up to 2^-9 each; sums over many
 * are better, and a run that learns stays near the float64 one. The tolerance for logits is for the
 * worst of 77,000, most of them around 5.
 */
class CpuBf16GoldenRunTest extends GoldenRunContract {

  @Override
  Kernels kernels() {
    return new CpuKernels(ElementType.BF16, 2);
  }

  @Override
  Tolerance tolerance() {
    return new Tolerance(5e-3, 3e-2, 0.2, 0.5, 2e-3);
  }
}
