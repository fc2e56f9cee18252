package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A part of a test that needs a JVM of its own. */
final class ChildProcess {

  private ChildProcess() {}

  /**
   * Runs a class's main method to its end, which has to be a good one.
   *
   * @param log of all that it prints, to be written
   * @param javaOptions beside those that graft needs
   * @return the lines that it printed
   */
  static List<String> run(Path log, List<String> javaOptions, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-modules=jdk.incubator.vector");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(javaOptions);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    Process child =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(child.waitFor()).as(Files.readString(log)).isZero();
    return Files.readAllLines(log);
  }
}
