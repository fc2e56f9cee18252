package dev.graft.trainer.cli;

import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.runtime.Hardware;
import dev.graft.trainer.runtime.Machine;
import dev.graft.trainer.tensor.HostArrays;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/** Looks at the machine and at what graft needs of it; changes nothing. */
final class Doctor {

  private static final double GIB = 1L << 30;

  /** Adapters, optimizer state and the JVM itself want this much even for small models. */
  private static final double LITTLE_MEMORY_GIB = 4;

  private final List<Finding> findings = new ArrayList<>();
  private final DeviceChoice device;

  /**
   * @param device what is to compute
   */
  Doctor(DeviceChoice device) {
    this.device = device;
  }

  /** Everything there is to say, in the order to say it. */
  List<Finding> examine() {
    system();
    java();
    libraries();
    findings.addAll(GpuFindings.examine(device == DeviceChoice.CUDA));
    choice();
    return List.copyOf(findings);
  }

  private void system() {
    add(Finding.ok("system", "os", Machine.system()));
    add(Finding.ok("system", "processor", Machine.processor()));
    memory();
    disk();
  }

  private void memory() {
    if (!(ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean bean)) {
      return;
    }
    double total = bean.getTotalMemorySize() / GIB;
    double free = availableMemory().orElse(bean.getFreeMemorySize()) / GIB;
    double heap = Runtime.getRuntime().maxMemory() / GIB;
    String value =
        "%.1f GiB, %.1f GiB available; Java's heap may take %.1f GiB, weights and activations lie"
                .formatted(total, free, heap)
            + " outside of it";
    add(
        free < LITTLE_MEMORY_GIB
            ? Finding.note("system", "memory", value, "that is little; only small models will fit")
            : Finding.ok("system", "memory", value));
  }

  /** What programs can have, caches included; the bean's own figure leaves caches out. */
  private static Optional<Long> availableMemory() {
    return Machine.firstLine("/proc/meminfo", "MemAvailable")
        .map(value -> value.replaceAll("\\D", ""))
        .filter(digits -> !digits.isEmpty())
        .map(digits -> Long.parseLong(digits) * 1024);
  }

  private void disk() {
    Path here = Path.of("").toAbsolutePath();
    try {
      double free = Files.getFileStore(here).getUsableSpace() / GIB;
      String value = "%.1f GiB free at %s".formatted(free, here);
      add(
          Files.isWritable(here)
              ? Finding.ok("system", "disk", value)
              : Finding.note("system", "disk", value, "not writable: give output elsewhere"));
    } catch (IOException e) {
      add(Finding.note("system", "disk", "unknown", e.toString()));
    }
  }

  private void java() {
    add(Finding.ok("java", "jdk", Machine.java() + ", " + System.getProperty("java.home")));
    add(
        hasVectorApi()
            ? Finding.ok("java", "vector api", "present")
            : Finding.broken(
                "java",
                "vector api",
                "missing",
                "start graft by ./graft, or give java --add-modules jdk.incubator.vector"));
    add(Finding.ok("java", "graft", Machine.graft()));
  }

  /** As a module, or where the launcher put its classes. */
  private static boolean hasVectorApi() {
    try {
      Class.forName("jdk.incubator.vector.Vector", false, Doctor.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  private void libraries() {
    products();
    library("ND4J", "holds adapters and optimizer", Doctor::nd4j);
    library("HF tokenizers", "turns text into tokens", Doctor::tokenizers);
  }

  /** OpenBLAS takes oneDNN's place where it has to, so that only both missing is broken. */
  private void products() {
    String purpose = "multiplies matrices";
    try {
      add(Finding.ok("libraries", "oneDNN", oneDnn() + ", " + purpose));
    } catch (ReflectiveOperationException | LinkageError e) {
      String advice =
          "OpenBLAS takes its place, in float32; there may be no build for this machine";
      try {
        openBlas();
        add(Finding.note("libraries", "oneDNN", doesNotLoad(e), advice));
      } catch (ReflectiveOperationException | LinkageError other) {
        add(broken("oneDNN", purpose, e));
        add(broken("OpenBLAS", "would take its place", other));
      }
    }
  }

  private void library(String name, String purpose, Callable<String> probe) {
    try {
      add(Finding.ok("libraries", name, probe.call() + ", " + purpose));
    } catch (Exception | LinkageError e) {
      add(broken(name, purpose, e));
    }
  }

  private static Finding broken(String name, String purpose, Throwable e) {
    return Finding.broken(
        "libraries",
        name,
        doesNotLoad(e),
        "it " + purpose + "; there may be no build of it for this machine");
  }

  private static String doesNotLoad(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return "does not load: " + cause;
  }

  // Reflection: only the packages that compute with these libraries may depend on them.

  private static String oneDnn() throws ReflectiveOperationException {
    Class<?> dnnl = Class.forName("org.bytedeco.dnnl.global.dnnl");
    Object version = dnnl.getMethod("dnnl_version").invoke(null);
    var numbers = new StringBuilder();
    for (String part : List.of("major", "minor", "patch")) {
      numbers.append(numbers.isEmpty() ? "" : ".");
      numbers.append(version.getClass().getMethod(part).invoke(version));
    }
    return numbers.toString();
  }

  private static void openBlas() throws ReflectiveOperationException {
    Class.forName("org.bytedeco.openblas.global.openblas_nolapack");
  }

  private static String nd4j() throws ReflectiveOperationException {
    HostArrays.zeros(1);
    Class<?> nd4j = Class.forName("org.nd4j.linalg.factory.Nd4j");
    Object backend = nd4j.getMethod("getBackend").invoke(null);
    return jarVersion(nd4j, "nd4j-api").orElse("loads")
        + " with "
        + backend.getClass().getSimpleName();
  }

  private static String tokenizers() throws ReflectiveOperationException {
    Class<?> library = Class.forName("ai.djl.huggingface.tokenizers.jni.LibUtils");
    library.getMethod("checkStatus").invoke(null);
    return "DJL " + jarVersion(library, "tokenizers").orElse("loads");
  }

  /** The version in the name of the jar that a class came from. */
  private static Optional<String> jarVersion(Class<?> type, String artifact) {
    return Optional.ofNullable(type.getProtectionDomain().getCodeSource())
        .map(source -> Path.of(source.getLocation().getPath()).getFileName().toString())
        .filter(name -> name.startsWith(artifact + "-"))
        .map(name -> name.substring(artifact.length() + 1).replaceFirst("\\.jar$", ""));
  }

  private void choice() {
    try (Kernels kernels = Hardware.open(Precision.AUTO, device, KernelsChoice.AUTO)) {
      if (device == DeviceChoice.CUDA) {
        add(Finding.ok("choice", "precision", "auto comes to bf16, which tensor cores multiply"));
      } else {
        add(Finding.ok("choice", "device", "auto comes to cpu; cuda is experimental"));
        add(Finding.ok("choice", "precision", "auto comes to " + Hardware.precisionReason()));
      }
      add(Finding.ok("choice", "compute", kernels.describe()));
    } catch (UserException e) {
      boolean card = device == DeviceChoice.CUDA; // of which more was said above
      String advice = card ? "device: cpu needs no card" : String.valueOf(e.getMessage());
      add(Finding.broken("choice", "compute", "nothing", advice));
    } catch (RuntimeException | LinkageError e) {
      add(
          Finding.broken(
              "choice", "compute", "nothing: " + e, "kernels: reference may still work, slowly"));
    }
  }

  private void add(Finding finding) {
    findings.add(finding);
  }
}
