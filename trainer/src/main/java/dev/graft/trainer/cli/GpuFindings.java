package dev.graft.trainer.cli;

import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runtime.Machine;
import dev.graft.trainer.runtime.NvidiaParts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What there is of NVIDIA's on this machine, and whether {@code device: cuda} would run. */
final class GpuFindings {

  private static final String AREA = "gpu";

  private final List<Finding> findings = new ArrayList<>();
  private final NvidiaParts parts = NvidiaParts.find();
  private final boolean wanted;

  private GpuFindings(boolean wanted) {
    this.wanted = wanted;
  }

  /**
   * @param wanted whether a card is to be used, so that it is an error if none can be
   */
  static List<Finding> examine(boolean wanted) {
    GpuFindings gpu = new GpuFindings(wanted);
    gpu.driver();
    gpu.library("cuBLASLt", libraries(gpu.parts.blas()), "multiplies matrices");
    gpu.library("NVRTC", libraries(gpu.parts.compiler()), "compiles kernels for the card");
    gpu.card();
    return List.copyOf(gpu.findings);
  }

  private static Optional<String> libraries(List<Path> files) {
    return files.isEmpty()
        ? Optional.empty()
        : Optional.of(files.stream().map(Path::toString).collect(Collectors.joining(", ")));
  }

  private void driver() {
    Optional<String> module = Machine.firstLine("/proc/driver/nvidia/version", "NVRM version");
    Optional<Path> library = parts.driver();
    if (module.isEmpty() && library.isEmpty()) {
      findings.add(Finding.ok(AREA, "driver", "none: no kernel module and no libcuda.so.1"));
      return;
    }
    String value =
        "%s; %s"
            .formatted(
                module.orElse("kernel module not found"),
                library.map(Path::toString).orElse("libcuda.so.1 not found"));
    findings.add(Finding.ok(AREA, "driver", value));
  }

  private void library(String name, Optional<String> found, String purpose) {
    if (found.isPresent()) {
      findings.add(Finding.ok(AREA, name, found.get() + ", " + purpose));
    } else if (wanted || parts.driver().isPresent()) {
      findings.add(
          Finding.note(
              AREA, name, "not found", "it " + purpose + "; device: cuda says how to get it"));
    }
  }

  private void card() {
    if (!wanted && parts.driver().isEmpty()) {
      return;
    }
    try {
      findings.add(
          Finding.note(
              AREA,
              "card",
              parts.card(),
              "device: cuda is experimental: not yet measured on a card. 'graft doctor --device cuda"
                  + " --selftest' compares each operation on this one with the reference"));
    } catch (UserException | OutOfMemoryError e) {
      String message = String.valueOf(e.getMessage());
      findings.add(
          wanted
              ? Finding.broken(AREA, "card", "cannot be used", message)
              : Finding.note(AREA, "card", "cannot be used; device: auto is the CPU", message));
    }
  }
}
