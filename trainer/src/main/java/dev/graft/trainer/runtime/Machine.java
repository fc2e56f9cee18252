package dev.graft.trainer.runtime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What this program is and what it runs on, for a person who wants to repeat something. */
public final class Machine {

  private Machine() {}

  /** Program and machine, name and value. */
  public static Map<String, String> describe() {
    var facts = new LinkedHashMap<String, String>();
    facts.put("graft", graft());
    facts.put("Java", java());
    facts.put("system", system());
    facts.put("processor", processor());
    ProcessMemory.machine()
        .ifPresent(bytes -> facts.put("memory", "%.1f GB, swap included".formatted(bytes / 1e9)));
    return Collections.unmodifiableMap(facts);
  }

  /** The version, or "unpackaged" where graft does not run from its jar. */
  public static String graft() {
    return Optional.ofNullable(Machine.class.getPackage().getImplementationVersion())
        .orElse("unpackaged");
  }

  /** The Java that runs. */
  public static String java() {
    return "%s (%s)".formatted(Runtime.version(), property("java.vendor"));
  }

  /** The operating system. */
  public static String system() {
    return "%s %s, %s".formatted(property("os.name"), property("os.version"), property("os.arch"));
  }

  /** The processor and how many of its cores there are to use. */
  public static String processor() {
    return "%s, %d cores"
        .formatted(
            firstLine("/proc/cpuinfo", "model name").orElse("unknown model"),
            Runtime.getRuntime().availableProcessors());
  }

  private static String property(String name) {
    return Optional.ofNullable(System.getProperty(name)).orElse("unknown");
  }

  /** The value of the first "key: value" line with that key, in a file that may not exist. */
  public static Optional<String> firstLine(String file, String key) {
    try (Stream<String> lines = Files.lines(Path.of(file))) {
      return lines
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException | UncheckedIOException e) {
      return Optional.empty();
    }
  }
}
