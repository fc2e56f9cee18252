package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import dev.graft.trainer.tensor.ElementType;

/**
 * {@link CudaKernels} for tests: on this machine's card where {@code -Dgraft.test.card=true} says
 * so, else on the simulator, whose compiled kernels are kept beside it.
 */
public final class TestCuda {

  private static final String CARD = "graft.test.card";

  private TestCuda() {}

  /** Opens kernels; where there is nothing to open them on, the test is skipped. */
  public static CudaKernels open(ElementType act) {
    if (Boolean.getBoolean(CARD)) {
      return CudaKernels.open(act);
    }
    CudaSimulator simulator = CudaSimulator.start();
    System.setProperty(LibrarySearch.PROPERTY, simulator.folder().toString());
    System.setProperty(CudaKernels.CACHE, simulator.folder().resolve("kernels").toString());
    try {
      return CudaKernels.open(act);
    } finally {
      System.clearProperty(LibrarySearch.PROPERTY);
      System.clearProperty(CudaKernels.CACHE);
    }
  }

  /** How many graphs were launched since the simulator began; not known of a card. */
  public static long graphLaunches() {
    return Boolean.getBoolean(CARD) ? 1 : CudaSimulator.running().get("graph-launches");
  }
}
