package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Memory that really runs out: Java's own, and the system's. */
@Tag("nightly")
@Timeout(300)
class OutOfMemoryTest {

  private static final List<String> SMALL_HEAP =
      List.of("-Xmx48m", "-XX:ReservedCodeCacheSize=64m", "-XX:CompressedClassSpaceSize=64m");

  @TempDir Path folder;

  private String read(String file) throws IOException {
    return Files.readString(folder.resolve(file));
  }

  @Test
  void aHeapThatIsFullIsSaidSo() throws Exception {
    Path inputs = KillTest.inputs(folder);
    String row = "{\"input_ids\":%1$s,\"labels\":%1$s}\n".formatted(List.of(1, 2, 3, 4, 5, 6, 7));
    Files.writeString(folder.resolve("data.jsonl"), row.repeat(1_000_000));
    Process run =
        GraftProcess.start(folder, GraftProcess.command(SMALL_HEAP, "train", inputs.toString()));
    assertThat(run.waitFor()).as(read("err")).isEqualTo(2);
    assertThat(read("err"))
        .contains("error: out of memory: Java's heap of ")
        .contains("GRAFT_JAVA_OPTIONS=-Xmx")
        .doesNotContain("\tat ");
    // The folder was made for the tokens, which are gone again.
    assertThat(folder.resolve("runs")).isEmptyDirectory();
  }

  @Test
  void aCheckOfMoreRowsThanFitIsSaidSo() throws Exception {
    var random = new Random(3);
    try (var rows = Files.newBufferedWriter(folder.resolve("data.jsonl"))) {
      for (int i = 0; i < 40_000; i++) {
        rows.write(
            "{\"prompt\":\"%s\",\"completion\":\"%s\"}\n".formatted(words(random), words(random)));
      }
    }
    List<String> options = List.of("-Xmx32m", "-XX:+UseSerialGC");
    Process run = GraftProcess.start(folder, GraftProcess.command(options, "check", "data.jsonl"));
    assertThat(run.waitFor()).as(read("err")).isEqualTo(2);
    assertThat(read("err"))
        .contains("error: out of memory (Java heap space)")
        .contains("GRAFT_JAVA_OPTIONS=-Xmx")
        .doesNotContain("\tat ");
  }

  private static String words(Random random) {
    return random.ints(30, 0, 5000).mapToObj(word -> "w" + word).collect(Collectors.joining(" "));
  }

  @Test
  void aSystemThatGivesNoMoreIsSaidSoWithWhatWouldHelp() throws Exception {
    assumeTrue(Files.exists(Path.of("/proc/self/status")), "Linux alone says a process's size");
    Path inputs = KillTest.inputs(folder);
    long kilobytes = sizeOfARun(inputs) + 300_000;
    List<String> command =
        GraftProcess.command(
            SMALL_HEAP,
            "train",
            inputs.toString(),
            "--set=output=large",
            "--set=training.micro-batch-tokens=200000");
    var limited =
        new ArrayList<>(List.of("sh", "-c", "ulimit -v " + kilobytes + "; exec \"$@\"", "sh"));
    limited.addAll(command);
    Process run = GraftProcess.start(folder, limited);
    assertThat(run.waitFor()).as(read("err")).isEqualTo(2);
    assertThat(read("err"))
        .contains("error: out of memory: the system gave no more (")
        .contains("The cheapest that helps: --set training.micro-batch-tokens=100000 (")
        .doesNotContain("\tat ");
    assertThat(folder.resolve("large")).doesNotExist();
  }

  /** Kilobytes of address space that an ordinary run takes. */
  private long sizeOfARun(Path inputs) throws Exception {
    Process run =
        GraftProcess.start(
            folder,
            GraftProcess.command(
                SMALL_HEAP, "train", inputs.toString(), "--set=training.max-steps=1000000"));
    Path metrics = folder.resolve("runs/run/metrics.jsonl");
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
    while (!Files.exists(metrics) || Files.size(metrics) < 2000) {
      assertThat(run.isAlive() && System.nanoTime() < deadline).as(read("err")).isTrue();
      Thread.sleep(20);
    }
    String size =
        Files.readAllLines(Path.of("/proc/" + run.pid() + "/status")).stream()
            .filter(line -> line.startsWith("VmSize:"))
            .findFirst()
            .orElseThrow();
    run.destroyForcibly().waitFor();
    return Long.parseLong(size.replaceAll("\\D", ""));
  }
}
