package dev.graft.trainer.cli;

import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/**
 * What {@code --version} prints: graft's version, from its jar's manifest, and the Java it runs on.
 */
final class Version implements IVersionProvider {

  /** The version, or "unpackaged" where graft does not run from its jar. */
  static String graft() {
    return Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
        .orElse("unpackaged");
  }

  @Override
  public String[] getVersion() {
    return new String[] {"graft " + graft() + " (Java " + Runtime.version() + ")"};
  }
}
