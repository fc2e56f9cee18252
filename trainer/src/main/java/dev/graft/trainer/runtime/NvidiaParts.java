package dev.graft.trainer.runtime;

import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.cuda.CudaDevice;
import dev.graft.trainer.kernels.cuda.CudaLibraries;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What there is of NVIDIA's on this machine; nothing of it is loaded before it's asked for. */
public final class NvidiaParts {

  private final CudaLibraries libraries;

  private NvidiaParts(CudaLibraries libraries) {
    this.libraries = libraries;
  }

  /** Looks where a run would. */
  public static NvidiaParts find() {
    return new NvidiaParts(CudaLibraries.find(LibrarySearch.ofProcess()));
  }

  /** The driver's library. */
  public Optional<Path> driver() {
    return libraries.driver();
  }

  /** What multiplies matrices, the newest first. */
  public List<Path> blas() {
    return libraries.blas();
  }

  /** What compiles kernels, the newest first. */
  public List<Path> compiler() {
    return libraries.compiler();
  }

  /**
   * Opens the card as a run would, since only that tells.
   *
   * @return what it is, in a line
   * @throws UserException if it can't compute, saying what to do
   * @throws OutOfMemoryError if the card's memory is taken
   */
  public String card() {
    try (CudaDevice card = CudaDevice.open(libraries)) {
      libraries.check(card.driverVersion());
      return "%s, %,d MB free, driver for CUDA %s"
          .formatted(
              card.describe(),
              card.memory().free() >> 20,
              CudaLibraries.versionText(card.driverVersion()));
    }
  }
}
