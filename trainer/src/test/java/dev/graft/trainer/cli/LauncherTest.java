package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How {@code ./graft} finds its JDK, tried with folders that only look like JDKs. */
class LauncherTest {

  private static final Path GRAFT = Path.of(System.getProperty("graft.root", ".."), "graft");

  @TempDir Path folder;
  private Path old;
  private Path wanted;
  private Path newer;

  /** What came of a process. */
  private record Outcome(int code, String out, String err) {}

  @BeforeEach
  void jdks() throws IOException {
    old = jdk("jdk-17", "17.0.15");
    wanted = jdk("jdk-25", "25.0.3");
    newer = jdk("jdk-26", "26");
  }

  @Test
  void itsOwnVariableComesFirst() throws Exception {
    assertThat(graft(GRAFT, Map.of("GRAFT_JAVA_HOME", "" + newer, "JAVA_HOME", "" + wanted)).out())
        .isEqualTo(newer + "\n");
  }

  @Test
  void itsOwnVariableIsNotSilentlyIgnored() throws Exception {
    Outcome outcome = graft(GRAFT, Map.of("GRAFT_JAVA_HOME", "" + old));

    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).startsWith("error: GRAFT_JAVA_HOME=" + old).contains("JDK 25");
  }

  @Test
  void javaHomeComesNextIfItIsNewEnough() throws Exception {
    assertThat(graft(GRAFT, Map.of("JAVA_HOME", "" + wanted)).out()).isEqualTo(wanted + "\n");
    assertThat(graft(GRAFT, Map.of("JAVA_HOME", "" + old, "PATH", path(wanted))).out())
        .isEqualTo(wanted + "\n");
  }

  @Test
  void linksLeadToTheJdk() throws Exception {
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Files.createSymbolicLink(bin.resolve("java"), wanted.resolve("bin/java"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), GRAFT.toAbsolutePath());

    assertThat(graft(link, Map.of("JAVA_HOME", "" + old, "PATH", bin + ":/usr/bin:/bin")).out())
        .isEqualTo(wanted + "\n");
  }

  private String path(Path jdk) {
    return jdk.resolve("bin") + ":/usr/bin:/bin";
  }

  private Path jdk(String name, String version) throws IOException {
    Path home = folder.resolve(name);
    Files.createDirectories(home.resolve("bin"));
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    for (String program : new String[] {"java", "javac"}) {
      Path file = Files.writeString(home.resolve("bin").resolve(program), "#!/bin/sh\n");
      assertThat(file.toFile().setExecutable(true)).isTrue();
    }
    return home;
  }

  private Outcome graft(Path launcher, Map<String, String> environment) throws Exception {
    var builder = new ProcessBuilder("bash", launcher.toAbsolutePath().toString());
    builder.directory(folder.toFile());
    builder.environment().remove("GRAFT_JAVA_HOME");
    builder.environment().put("HOME", folder.toString());
    builder.environment().putAll(environment);
    builder.environment().put("GRAFT_PRINT_JAVA_HOME", "1");
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Outcome(process.waitFor(), out, err);
  }
}
