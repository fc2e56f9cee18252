package dev.graft.trainer.train;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cuda.TestCuda;
import dev.graft.trainer.tensor.ElementType;
import org.junit.jupiter.api.Tag;

@Tag("simulator")
@Tag("nightly") // ten steps of 2,000 tokens, which the simulator takes minutes for
class CudaBf16GoldenRunTest extends GoldenRunContract {

  @Override
  Kernels kernels() {
    return TestCuda.open(ElementType.BF16);
  }

  /** As on the processor. */
  @Override
  Tolerance tolerance() {
    return new Tolerance(5e-3, 3e-2, 0.2, 0.5, 2e-3);
  }
}
