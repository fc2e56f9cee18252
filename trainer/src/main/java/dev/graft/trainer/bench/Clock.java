package dev.graft.trainer.bench;

import dev.graft.trainer.kernels.Kernels;

/** Times work to its end, on devices too that are still at it when the call returns. */
final class Clock {

  private Clock() {}

  /** Seconds that some work takes which starts when everything before it is done. */
  static double seconds(Kernels kernels, Runnable work) {
    kernels.finish();
    long start = System.nanoTime();
    work.run();
    kernels.finish();
    return (System.nanoTime() - start) / 1e9;
  }
}
