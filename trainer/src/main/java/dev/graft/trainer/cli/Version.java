package dev.graft.trainer.cli;

import dev.graft.trainer.runtime.Machine;
import picocli.CommandLine.IVersionProvider;

/**
 * What {@code --version} prints: graft's version, from its jar's manifest, and the Java it runs on.
 */
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    return new String[] {"graft " + Machine.graft() + " (Java " + Runtime.version() + ")"};
  }
}
