package dev.graft.trainer.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes what Java needs so that its AOT cache can hold linked classes: jars that the cache can take
 * in place of those that it cannot, and the options to run with them.
 */
public final class StartFiles {

  private StartFiles() {}

  /**
   * Called by the launcher.
   *
   * @param arguments a folder, which gets {@code options}, an argument file for java, and what that
   *     names; and the class path that graft runs with
   */
  public static void main(String[] arguments) throws IOException {
    write(Path.of(arguments[0]), arguments[1]);
  }

  static void write(Path folder, String classPath) throws IOException {
    Path vectors = folder.resolve("vector.jar");
    VectorJar.write(vectors);
    List<String> jars = new ArrayList<>();
    for (String jar : classPath.split(File.pathSeparator, -1)) {
      jars.add(isTooOld(jar) ? modern(Path.of(jar), folder).toString() : jar);
    }
    List<String> options = new ArrayList<>();
    options.add("-Xbootclasspath/a:" + vectors);
    options.addAll(VectorJar.options());
    options.add("-cp");
    options.add(String.join(File.pathSeparator, jars));
    Files.write(folder.resolve("options"), options.stream().map(StartFiles::quoted).toList());
  }

  /** Every command begins with picocli, whose classes are Java 5's. */
  private static boolean isTooOld(String jar) {
    return Path.of(jar).getFileName().toString().startsWith("picocli-");
  }

  private static Path modern(Path jar, Path folder) throws IOException {
    Path modern = folder.resolve(jar.getFileName());
    ModernJar.write(jar, modern);
    return modern;
  }

  /** As argument files want it. */
  private static String quoted(String option) {
    return '"' + option.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
