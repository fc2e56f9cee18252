package dev.graft.trainer.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** graft as a process of its own, with the class path of the tests. */
final class GraftProcess {

  private GraftProcess() {}

  /** The words that start it. */
  static List<String> command(String... arguments) {
    return command(List.of(), arguments);
  }

  /** The words that start it, with more options for Java. */
  static List<String> command(List<String> javaOptions, String... arguments) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-XX:+UseSerialGC");
    command.addAll(javaOptions);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** Starts it, its output appended to the files out and err of a folder. */
  static Process start(Path folder, List<String> command) throws IOException {
    Files.createDirectories(folder);
    return new ProcessBuilder(command)
        .directory(folder.toFile())
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("out").toFile()))
        .redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("err").toFile()))
        .start();
  }
}
