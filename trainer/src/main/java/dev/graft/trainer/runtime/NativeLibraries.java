package dev.graft.trainer.runtime;

import dev.graft.trainer.kernels.cpu.CpuFeatures;
import dev.graft.trainer.kernels.cpu.CpuLibrary;
import dev.graft.trainer.tensor.HostArrays;

/** The native libraries that computing takes. */
public final class NativeLibraries {

  private NativeLibraries() {}

  /**
   * Loads them on a thread of its own: that takes as long as the command line and the configuration
   * take to be read, and needs neither. Whoever needs a library meanwhile waits for it, and is told
   * why where it cannot be loaded.
   *
   * @return to be closed before the process ends: libraries bear no exit while they are loaded
   */
  public static Meanwhile<CpuFeatures> loadAhead() {
    return Meanwhile.start(
        "graft-libraries",
        () -> {
          CpuFeatures features = CpuFeatures.detect(CpuLibrary.ofProcess());
          HostArrays.load();
          return features;
        });
  }
}
