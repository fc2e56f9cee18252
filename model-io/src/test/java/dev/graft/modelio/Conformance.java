package dev.graft.modelio;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;

/** Where the real files with independently computed results lie. */
public final class Conformance {
  private Conformance() {}

  /** A file or folder of the conformance data; skips the test where there are none. */
  public static Path path(String relative) {
    String dir = System.getProperty("conformance.dir", "");
    assumeTrue(!dir.isEmpty(), "conformance.dir is not set: no real files to test with");
    return Path.of(dir, relative);
  }
}
