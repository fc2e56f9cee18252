package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.cuda.binding.CudaException;
import dev.graft.trainer.kernels.cuda.binding.Nvrtc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Compiles kernels for the card that is there, and keeps what comes out on the disk: by the hash of
 * all that it depends on, so that nothing stale is ever used and the second start compiles nothing.
 */
final class KernelCompiler {

  private final CudaLibraries libraries;
  private final int capability;
  private final int driverVersion;
  private final @Nullable Path cache;
  private final Set<String> fromDisk = new HashSet<>();
  private @Nullable Nvrtc nvrtc;

  /**
   * @param capability of the card, by ten
   * @param cache where compiled kernels are kept; null for nowhere
   */
  KernelCompiler(CudaLibraries libraries, int capability, int driverVersion, @Nullable Path cache) {
    this.libraries = libraries;
    this.capability = capability;
    this.driverVersion = driverVersion;
    this.cache = cache;
  }

  /**
   * The machine code of a file, or PTX where the compiler does not know so new a card.
   *
   * @param definitions such as HEAD_DIM=128
   */
  byte[] compile(KernelSource source, List<String> definitions) {
    String key = key(source, definitions);
    byte[] kept = kept(key);
    if (kept != null) {
      fromDisk.add(key);
      return kept;
    }
    Path file = libraries.requiredCompiler(driverVersion);
    String prelude = KernelSource.read(KernelSource.PRELUDE);
    byte[] made = compile(opened(file), source, source.text(), prelude, definitions);
    keep(key, made);
    return made;
  }

  /**
   * Forgets what is kept of a file, which the driver does not take.
   *
   * @return whether it came from the disk, so that it may be another one when compiled again
   */
  boolean forget(KernelSource source, List<String> definitions) {
    String key = key(source, definitions);
    if (cache == null || !fromDisk.remove(key)) {
      return false;
    }
    try {
      Files.deleteIfExists(cache.resolve(key));
      return true;
    } catch (IOException e) {
      return false; // then it would come back
    }
  }

  private String key(KernelSource source, List<String> definitions) {
    Path file = libraries.requiredCompiler(driverVersion);
    return hash(
        List.of(
            source.text(),
            KernelSource.read(KernelSource.PRELUDE),
            String.join(" ", definitions),
            Integer.toString(capability),
            file.toString(),
            lastModified(file)));
  }

  private Nvrtc opened(Path file) {
    if (nvrtc == null) {
      nvrtc = Nvrtc.open(file);
    }
    return nvrtc;
  }

  private byte[] compile(
      Nvrtc compiler, KernelSource source, String text, String prelude, List<String> definitions) {
    Architecture architecture = Architecture.choose(compiler.architectures(), capability);
    List<String> options = new ArrayList<>();
    options.add("--gpu-architecture=" + architecture.option());
    options.add("--std=c++17");
    definitions.forEach(definition -> options.add("-D" + definition));
    return compiler.compile(
        source.fileName(),
        text,
        Map.of(KernelSource.PRELUDE, prelude),
        options,
        architecture.machineCode());
  }

  /**
   * What to compile for.
   *
   * @param number such as 90
   * @param machineCode whether the card runs the result as it is; otherwise the driver compiles it
   */
  record Architecture(int number, boolean machineCode) {

    /**
     * The newest that a card can run: machine code runs on cards of the same major and no lower
     * minor version, PTX on all newer ones.
     */
    static Architecture choose(NavigableSet<Integer> known, int capability) {
      Integer newest = known.floor(capability);
      if (newest == null) {
        throw new CudaException(
            "device: cuda: the NVRTC found here no longer compiles for cards of compute capability %d.%d; one of an older CUDA does."
                .formatted(capability / 10, capability % 10));
      }
      return new Architecture(newest, newest / 10 == capability / 10);
    }

    String option() {
      return (machineCode ? "sm_" : "compute_") + number;
    }
  }

  private byte @Nullable [] kept(String key) {
    if (cache == null) {
      return null;
    }
    try {
      Path file = cache.resolve(key);
      return Files.exists(file) ? Files.readAllBytes(file) : null;
    } catch (IOException e) {
      return null; // what cannot be read is compiled again
    }
  }

  private void keep(String key, byte[] made) {
    if (cache == null) {
      return;
    }
    try {
      Files.createDirectories(cache);
      Path aside = Files.createTempFile(cache, key, ".tmp");
      Files.write(aside, made);
      Files.move(aside, cache.resolve(key), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      // It only saves time; a home that cannot be written to keeps nobody from training.
    }
  }

  private static String lastModified(Path file) {
    try {
      return Files.getLastModifiedTime(file).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String hash(List<String> parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (String part : parts) {
        digest.update(part.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
