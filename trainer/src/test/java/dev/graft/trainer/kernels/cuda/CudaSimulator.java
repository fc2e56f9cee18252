package dev.graft.trainer.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * CUDA's libraries simulated on the processor, for tests only: {@code src/test/cuda-simulator}, in
 * C++, built by g++ when a test first asks. The simulated driver is the process's own, so that
 * tests which use it must not run at the same time.
 */
public final class CudaSimulator {

  /** Such as {@code libcuda.so.1}, its source, and the options that it's built with. */
  private record Library(String name, String source, String optimization) {}

  private static final List<Library> LIBRARIES =
      List.of(
          new Library("libcuda.so.1", "cuda.cpp", "-O2"),
          new Library("libnvrtc.so.13", "nvrtc.cpp", "-O1"),
          new Library("libcublasLt.so.13", "cublaslt.cpp", "-O3"));

  private static @Nullable CudaSimulator instance;
  private static @Nullable String whyNot;

  private final Path folder;
  private final MethodHandle set;
  private final MethodHandle get;
  private final MethodHandle reset;

  private CudaSimulator(Path folder) {
    this.folder = folder;
    SymbolLookup driver =
        SymbolLookup.libraryLookup(folder.resolve("libcuda.so.1"), Arena.global());
    set =
        function(
            driver,
            "simulatorSet",
            FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    get =
        function(
            driver,
            "simulatorGet",
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    reset = function(driver, "simulatorReset", FunctionDescriptor.ofVoid());
  }

  private static MethodHandle function(
      SymbolLookup library, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), descriptor);
  }

  /** The simulator as it is when a process begins. Where there's none, the test is skipped. */
  public static synchronized CudaSimulator start() {
    Optional<String> reason = whyNot();
    Assumptions.assumeTrue(reason.isEmpty(), () -> reason.orElse(""));
    if (instance == null) {
      instance = new CudaSimulator(build());
    }
    instance.reset();
    return instance;
  }

  /** The simulator as tests have left it so far. */
  public static synchronized CudaSimulator running() {
    if (instance == null) {
      throw new IllegalStateException("no test has started the simulator");
    }
    return instance;
  }

  /** Why there's no simulator here, if so. */
  public static synchronized Optional<String> whyNot() {
    if (whyNot == null) {
      whyNot = findWhyNot();
    }
    return whyNot.isEmpty() ? Optional.empty() : Optional.of(whyNot);
  }

  private static String findWhyNot() {
    String system = System.getProperty("os.name", "");
    String processor = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    if (!system.equals("Linux") || !(processor.equals("amd64") || processor.equals("x86_64"))) {
      return "CUDA is simulated on Linux on x86-64 only, not on " + system + " on " + processor;
    }
    try {
      run(List.of("g++", "--version"), Path.of("."));
      return "";
    } catch (IOException e) {
      return "CUDA is simulated where g++ is: " + e.getMessage();
    }
  }

  /** The folder with the libraries, for {@code -Dgraft.cuda.path}. */
  public Path folder() {
    return folder;
  }

  /**
   * Changes what the device is like, or lets something go wrong.
   *
   * @param key {@code total-memory} or {@code free-memory-taken-by-others} in bytes; {@code
   *     capability-major}, {@code capability-minor}, {@code driver-version} such as 13000, {@code
   *     device-count}, {@code multiprocessors}, {@code ecc}, {@code compute-mode}; {@code
   *     ecc-error-at-launch} or {@code sticky-at-launch} n, so that the n-th launch from now gives
   *     an error that stays (214 or 719); {@code fail:} and a function's name, whose next call
   *     gives this code; {@code seed}; {@code peak-allocated}, to measure anew
   */
  public void set(String key, long value) {
    try (Arena arena = Arena.ofConfined()) {
      set.invokeExact(arena.allocateFrom(key), value);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /**
   * What the device is like or has done.
   *
   * @param key of {@link #set}, or {@code launches} (of kernels, in graphs too), {@code
   *     graph-launches}, {@code allocated} and {@code peak-allocated} bytes; what is there: {@code
   *     live-allocations}, {@code host-allocations}, {@code streams}, {@code events}, {@code
   *     modules}, {@code graphs} (executable ones too), {@code retained}
   */
  public long get(String key) {
    try (Arena arena = Arena.ofConfined()) {
      return (long) get.invokeExact(arena.allocateFrom(key));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Ends the context with all that's in it, and forgets all settings and counts. */
  public void reset() {
    try {
      reset.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  // ---- building ----

  /** Builds into a folder named by what goes into it, unless it's there. */
  private static Path build() {
    Path sources =
        Path.of(System.getProperty("graft.root", ".."))
            .resolve("trainer/src/test/cuda-simulator")
            .toAbsolutePath()
            .normalize();
    Path all = Path.of("target", "cuda-simulator").toAbsolutePath();
    try {
      Path built = all.resolve(hash(sources));
      if (Files.isDirectory(built)) {
        return built;
      }
      Files.createDirectories(all);
      Path unfinished = Files.createTempDirectory(all, "unfinished-");
      Files.copy(sources.resolve("simulator.h"), unfinished.resolve("simulator.h"));
      for (Library library : LIBRARIES) {
        run(command(library, sources, unfinished), sources);
      }
      publish(unfinished, built);
      return built;
    } catch (IOException e) {
      throw new UncheckedIOException("The CUDA simulator can't be built", e);
    }
  }

  private static List<String> command(Library library, Path sources, Path to) {
    return List.of(
        "g++",
        "-std=c++17",
        library.optimization(),
        "-fPIC",
        "-shared",
        "-fvisibility=hidden",
        "-Wl,-soname," + library.name(),
        sources.resolve(library.source()).toString(),
        "-o",
        to.resolve(library.name()).toString(),
        "-ldl",
        "-pthread");
  }

  /** Another process may have finished the same folder meanwhile: then that one is used. */
  private static void publish(Path unfinished, Path built) throws IOException {
    try {
      Files.move(unfinished, built);
    } catch (FileSystemException e) {
      if (!Files.isDirectory(built)) {
        throw e;
      }
      try (Stream<Path> files = Files.list(unfinished)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(unfinished);
    }
  }

  private static String hash(Path sources) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(sources, "*.{h,cpp}")) {
      stream.forEach(files::add);
    }
    files.sort(null);
    for (Path file : files) {
      digest.update(Files.readAllBytes(file));
    }
    for (Library library : LIBRARIES) {
      digest.update(
          command(library, sources, Path.of("")).toString().getBytes(StandardCharsets.UTF_8));
    }
    return HexFormat.of().formatHex(digest.digest(), 0, 8);
  }

  private static void run(List<String> command, Path folder) throws IOException {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output;
    try (InputStream stream = process.getInputStream()) {
      output = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }
    try {
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ": " + output);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
