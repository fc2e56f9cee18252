package dev.graft.trainer.cli;

import java.nio.file.Path;

/** How paths are said to a person. */
final class Words {

  private Words() {}

  /** A path as seen from the current directory, where it is below it. */
  static String here(String path) {
    if (path.contains("://")) {
      return path;
    }
    Path current = Path.of("").toAbsolutePath();
    Path absolute = Path.of(path).toAbsolutePath();
    return absolute.startsWith(current) && !absolute.equals(current)
        ? current.relativize(absolute).toString()
        : path;
  }
}
