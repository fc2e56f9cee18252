package dev.graft.trainer.runtime;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** What the operating system says about this process's memory, and the machine's. Linux only. */
public final class ProcessMemory {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path MACHINE = Path.of("/proc/meminfo");

  private ProcessMemory() {}

  /** Largest resident size so far, mapped files included, in bytes. */
  public static OptionalLong peak() {
    return line(STATUS, "VmHWM:");
  }

  /** Resident pages that belong to no file, in bytes: what the process takes from others. */
  public static OptionalLong anonymous() {
    return line(STATUS, "RssAnon:");
  }

  /** What new programs could take without swapping, in bytes. */
  public static OptionalLong available() {
    return line(MACHINE, "MemAvailable:");
  }

  /** All that the machine has, or the container, and its swap, in bytes. */
  public static OptionalLong machine() {
    OptionalLong memory = line(MACHINE, "MemTotal:");
    if (memory.isEmpty()) {
      return memory;
    }
    long visible = memory.getAsLong();
    if (ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean bean) {
      // Of a container's limit, /proc/meminfo knows nothing.
      visible = Math.min(visible, bean.getTotalMemorySize());
    }
    return OptionalLong.of(visible + line(MACHINE, "SwapTotal:").orElse(0));
  }

  private static OptionalLong line(Path file, String key) {
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(key)) {
          String kibibytes = line.substring(key.length()).replace("kB", "").strip();
          return OptionalLong.of(1024 * Long.parseLong(kibibytes));
        }
      }
      return OptionalLong.empty();
    } catch (IOException e) {
      // Another operating system: then nobody says it.
      return OptionalLong.empty();
    }
  }
}
