package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.cuda.binding.CublasLt;
import dev.graft.trainer.kernels.cuda.binding.CudaDriver;
import dev.graft.trainer.kernels.cuda.binding.CudaException;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import dev.graft.trainer.kernels.cuda.binding.Nvrtc;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * NVIDIA's libraries on this machine, as files; nothing of them is loaded yet.
 *
 * @param search where was looked
 * @param driver libcuda
 * @param blas libcublasLt, of each version that is there, the newest first
 * @param compiler libnvrtc, likewise
 */
public record CudaLibraries(
    LibrarySearch search, Optional<Path> driver, List<Path> blas, List<Path> compiler) {

  /** CUDA's major version by ten times a hundred, as the driver counts. */
  private static final int MAJOR = 1000;

  /** Looks for them. */
  public static CudaLibraries find(LibrarySearch search) {
    return new CudaLibraries(
        search,
        search.find(CudaDriver.NAMES),
        each(search, CublasLt.NAMES),
        each(search, Nvrtc.NAMES));
  }

  private static List<Path> each(LibrarySearch search, List<String> names) {
    return names.stream().flatMap(name -> search.find(List.of(name)).stream()).toList();
  }

  /** The driver's library. */
  Path requiredDriver() {
    return driver.orElseThrow(() ->
        new CudaException(
            "device: cuda: there is no NVIDIA driver: libcuda.so.1 was found nowhere. Install the driver ('nvidia-smi' then lists the card); in a container, pass the card through (docker run --gpus all); or use device: cpu."));
  }

  /**
   * The cuBLASLt that a driver can run.
   *
   * @param driverVersion such as 13000 for 13.0
   */
  Path requiredBlas(int driverVersion) {
    return required("cuBLASLt", CublasLt.NAMES, blas, driverVersion);
  }

  /** The NVRTC that a driver can run the code of. */
  Path requiredCompiler(int driverVersion) {
    return required("NVRTC", Nvrtc.NAMES, compiler, driverVersion);
  }

  /**
   * Looks whether there are libraries that a driver can run.
   *
   * @throws CudaException if not, saying how to get them
   */
  public void check(int driverVersion) {
    requiredBlas(driverVersion);
    requiredCompiler(driverVersion);
  }

  private Path required(String what, List<String> names, List<Path> found, int driverVersion) {
    List<Path> usable =
        found.stream().filter(file -> major(file) * MAJOR <= upTo(driverVersion)).toList();
    if (!usable.isEmpty()) {
      return usable.getFirst();
    }
    String fix =
        " Install it, such as by 'pip install %s', or name its folder by GRAFT_JAVA_OPTIONS=-D%s=FOLDER."
            .formatted(packages(driverVersion), LibrarySearch.PROPERTY);
    throw new CudaException(
        found.isEmpty()
            ? "device: cuda: %s is missing: neither %s was found.%s"
                .formatted(what, String.join(" nor ", names), fix)
            : "device: cuda: the driver can do CUDA %s, and %s is newer. Update the driver, or use the library of an older CUDA.%s"
                .formatted(versionText(driverVersion), text(found), fix));
  }

  /** Within a major version older drivers run newer libraries' code. */
  private static int upTo(int driverVersion) {
    return driverVersion / MAJOR * MAJOR;
  }

  private static int major(Path file) {
    String name = file.getFileName().toString();
    return Integer.parseInt(name.substring(name.lastIndexOf('.') + 1));
  }

  private static String packages(int driverVersion) {
    return driverVersion >= 13 * MAJOR
        ? "nvidia-cublas nvidia-cuda-nvrtc"
        : "nvidia-cublas-cu12 nvidia-cuda-nvrtc-cu12";
  }

  private static String text(List<Path> files) {
    return files.stream().map(Path::toString).collect(Collectors.joining(", "));
  }

  /** Such as 13.0 for 13000. */
  public static String versionText(int version) {
    return version / MAJOR + "." + version % MAJOR / 10;
  }
}
