package dev.graft.trainer.config;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.stream.Stream;

/** Patterns that stand for several files: {@code data/*.jsonl}. */
final class Globs {

  private Globs() {}

  /** Whether it is a pattern; a file whose real name has such characters wins. */
  static boolean isGlob(String text) {
    return (text.contains("*") || text.contains("?") || text.contains("["))
        && !Files.exists(Path.of(text));
  }

  /** The files below a folder (or, for an absolute pattern, below its fixed part), sorted. */
  static List<Path> expand(Path folder, String pattern) {
    String absolute =
        pattern.startsWith("/") ? pattern : folder.toString().replace("\\", "/") + "/" + pattern;
    int wild = 0;
    while (wild < absolute.length() && "*?[{".indexOf(absolute.charAt(wild)) < 0) {
      wild++;
    }
    int fixed = absolute.lastIndexOf('/', wild) + 1;
    Path root = Path.of(absolute.substring(0, fixed)).normalize();
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    String rest = absolute.substring(fixed);
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + rest);
    int depth = rest.contains("**") ? 32 : (int) rest.chars().filter(c -> c == '/').count() + 1;
    try (Stream<Path> files = Files.walk(root, depth)) {
      return files
          .filter(file -> Files.isRegularFile(file) && matcher.matches(root.relativize(file)))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
