package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * When {@code ./graft} builds, and that a build leaves runs in progress alone: the launcher itself,
 * in a checkout of empty files, with scripts in the place of Maven and Java.
 */
@Timeout(120)
class LauncherBuildTest {

  private static final Path GRAFT = Path.of(System.getProperty("graft.root", ".."), "graft");

  /** Notes that it was called, and leaves what a build leaves. */
  private static final String MVN =
      """
      #!/usr/bin/env bash
      echo built >>mvn.log
      mkdir -p trainer/target/lib
      echo $RANDOM$RANDOM >trainer/target/graft-trainer.jar
      touch trainer/target/lib/graft-tokenizer.jar trainer/target/lib/other-1.0.jar
      """;

  /** Says what it was called with, and runs until a file is there. */
  private static final String JAVA =
      """
      #!/usr/bin/env bash
      echo "$@"
      while [[ -n ${WAIT_FOR:-} && ! -e $WAIT_FOR ]]; do sleep 0.02; done
      """;

  @TempDir Path folder;
  private Path root;

  @BeforeEach
  void checkout() throws IOException {
    root = Files.createDirectory(folder.resolve("checkout"));
    Files.copy(GRAFT, root.resolve("graft"));
    write("pom.xml", "");
    for (String module : List.of("tokenizer", "model-io", "trainer")) {
      write(module + "/pom.xml", "");
      write(module + "/src/main/java/Source.java", "");
    }
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(60)));
      }
    }
    program("bin/mvn", MVN);
    program("jdk/bin/java", JAVA);
    program("jdk/bin/javac", "");
    Files.writeString(
        folder.resolve("jdk/release"),
        "JAVA_VERSION=\"25.0.3\"\nJAVA_RUNTIME_VERSION=\"25.0.3+9-LTS\"\n");
  }

  @Test
  void buildsOnceAndRunsACopy() throws Exception {
    String first = output(start("train", "a b.yaml"));
    String second = output(start("doctor"));

    assertThat(builds()).isEqualTo(1);
    assertThat(first).endsWith("dev.graft.trainer.cli.Main train a b.yaml\n");
    assertThat(second).endsWith("dev.graft.trainer.cli.Main doctor\n");
    assertThat(classPath(first))
        .hasSize(3)
        .allSatisfy(jar -> assertThat(jar).exists().startsWith(root.resolve(".graft")))
        .isEqualTo(classPath(second));
  }

  @Test
  void aChangedSourceIsBuiltAndARunInProgressKeepsItsJars() throws Exception {
    Path end = folder.resolve("end");
    Process running = start("train", end);
    List<Path> old = classPath(firstLine(running));
    String content = Files.readString(old.getFirst());

    write("model-io/src/main/java/Source.java", "changed");
    List<Path> next = classPath(output(start("doctor")));
    assertThat(builds()).isEqualTo(2);
    assertThat(next.getFirst()).isNotEqualTo(old.getFirst()).exists();
    assertThat(old).allSatisfy(jar -> assertThat(jar).exists());
    assertThat(old.getFirst()).hasContent(content.strip());

    Files.createFile(end);
    assertThat(running.waitFor()).isZero();
    write("trainer/src/main/java/Source.java", "changed");
    List<Path> last = classPath(output(start("doctor")));
    assertThat(builds()).isEqualTo(3);
    assertThat(last.getFirst()).exists();
    if (isThere("flock")) {
      assertThat(old.getFirst()).doesNotExist();
    }
  }

  @Test
  void aFailedBuildRunsNothing() throws Exception {
    program("bin/mvn", "#!/usr/bin/env bash\nexit 1\n");
    Process process = start("doctor");
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).isEqualTo(2);
    assertThat(error).contains("error: the build failed");
    assertThat(output(process)).isEmpty();
  }

  private long builds() throws IOException {
    return Files.readAllLines(root.resolve("mvn.log")).size();
  }

  private static List<Path> classPath(String output) {
    String line = output.lines().findFirst().orElseThrow();
    String path = line.replaceAll(".* -cp (\\S+) .*", "$1");
    return Stream.of(path.split(":")).map(Path::of).toList();
  }

  private static boolean isThere(String program) throws Exception {
    return new ProcessBuilder("bash", "-c", "command -v " + program).start().waitFor() == 0;
  }

  private Process start(String... arguments) throws IOException {
    return start(null, List.of(arguments));
  }

  private Process start(String argument, Path waitFor) throws IOException {
    return start(waitFor, List.of(argument));
  }

  private Process start(@Nullable Path waitFor, List<String> arguments) throws IOException {
    var command = new ArrayList<>(List.of("bash", root.resolve("graft").toString()));
    command.addAll(arguments);
    var builder = new ProcessBuilder(command);
    builder.environment().put("GRAFT_JAVA_HOME", folder.resolve("jdk").toString());
    builder.environment().put("HOME", folder.toString());
    builder.environment().remove("GRAFT_PRINT_JAVA_HOME");
    builder.environment().merge("PATH", "", (path, _) -> folder.resolve("bin") + ":" + path);
    if (waitFor != null) {
      builder.environment().put("WAIT_FOR", waitFor.toString());
    }
    return builder.start();
  }

  private static String firstLine(Process process) throws IOException {
    return process.inputReader(StandardCharsets.UTF_8).readLine();
  }

  private static String output(Process process) throws Exception {
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return text;
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private void program(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }
}
