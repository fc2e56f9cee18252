package dev.graft.trainer;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;

/** Where the independently computed results are, if they are on this machine. */
public final class Conformance {

  private Conformance() {}

  /** A path below the conformance folder; without the folder the test is skipped and says so. */
  public static Path path(String name) {
    String folder = System.getProperty("conformance.dir", "");
    assumeTrue(!folder.isEmpty(), "conformance.dir is not set: pass -Dconformance.dir=FOLDER");
    return Path.of(folder).resolve(name);
  }
}
