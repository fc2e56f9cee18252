package dev.graft.trainer.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.cli.Main;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What the launcher has made, tried as the launcher does. */
class StartFilesTest {

  private static final Path PICOCLI =
      Path.of(CommandLine.class.getProtectionDomain().getCodeSource().getLocation().getPath());

  @TempDir Path folder;

  @Test
  void aModernJarHoldsTheSameInANewerFormat() throws IOException {
    Path modern = folder.resolve("modern.jar");
    ModernJar.write(PICOCLI, modern);

    try (var before = new JarFile(PICOCLI.toFile());
        var after = new JarFile(modern.toFile())) {
      for (JarEntry entry : before.stream().filter(it -> !it.isDirectory()).toList()) {
        byte[] old = bytes(before, entry.getName());
        byte[] now = bytes(after, entry.getName());
        if (!entry.getName().endsWith(".class")) {
          assertThat(now).as(entry.getName()).isEqualTo(old);
        } else {
          var was = ClassFile.of().parse(old);
          var is = ClassFile.of().parse(now);
          assertThat(is.majorVersion()).isGreaterThanOrEqualTo(ClassFile.JAVA_7_VERSION);
          assertThat(is.methods()).hasSameSizeAs(was.methods());
          assertThat(is.fields()).hasSameSizeAs(was.fields());
          assertThat(ClassFile.of().verify(is)).as(entry.getName()).isEmpty();
        }
      }
    }
  }

  private static byte[] bytes(JarFile jar, String name) throws IOException {
    try (InputStream in = jar.getInputStream(jar.getJarEntry(name))) {
      return in.readAllBytes();
    }
  }

  @Test
  void everyModernClassPassesTheVerifier() throws Exception {
    Path modern = folder.resolve("modern.jar");
    ModernJar.write(PICOCLI, modern);

    try (var loader =
            new URLClassLoader(
                new URL[] {modern.toUri().toURL()}, ClassLoader.getPlatformClassLoader());
        var jar = new JarFile(modern.toFile())) {
      for (JarEntry entry : jar.stream().toList()) {
        String name = entry.getName().replace('/', '.').replaceAll("\\.class$", "");
        if (name.startsWith("picocli.")) {
          assertThat(Class.forName(name, true, loader).getClassLoader()).isSameAs(loader);
        }
      }
    }
  }

  @Test
  void graftRunsWithThem() throws Exception {
    StartFiles.write(folder, System.getProperty("java.class.path"));

    Process doctor =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "@" + folder.resolve("options"),
                Main.class.getName(),
                "doctor")
            .redirectError(folder.resolve("err").toFile())
            .start();
    String said = new String(doctor.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    doctor.waitFor();

    assertThat(said).containsPattern("vector api +present").contains("oneDNN");
    assertThat(Files.readString(folder.resolve("err"))).doesNotContain("incubator");
    assertThat(List.of("vector.jar", PICOCLI.getFileName().toString()))
        .allSatisfy(jar -> assertThat(folder.resolve(jar)).exists());
  }
}
