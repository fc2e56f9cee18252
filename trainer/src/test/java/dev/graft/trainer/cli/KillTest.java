package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} at any moment: the run resumes, and in the end its adapter is, bit for bit, that
 * of a run that nobody killed.
 */
@Timeout(1800)
class KillTest {

  /** Of a run that is killed a few times, and of one that is killed often. */
  private static final int FEW_STEPS = 40;

  private static final int STEPS = 150;
  private static final String RESULT = "adapter/adapter_model.safetensors";

  /** When a process is killed. */
  private enum Moment {
    /** Some time after its start. */
    ANY,
    /** When the folder of a checkpoint is being filled. */
    IN_SAVE,
    /** When the result is being written, after the last step. */
    AT_RESULT
  }

  private final Random random = new Random(17);
  private int steps = STEPS;
  private final List<String> found = new ArrayList<>();

  @TempDir Path folder;

  @BeforeEach
  void writeInputs() throws IOException {
    inputs(folder);
  }

  /** A small model, data and a configuration, which is returned. */
  static Path inputs(Path folder) throws IOException {
    RandomCheckpoint.mistral()
        .hiddenSize(40)
        .intermediateSize(56)
        .layers(2)
        .heads(4)
        .kvHeads(2)
        .headDim(14)
        .vocabSize(83)
        .dtype(DType.BF16)
        .seed(5)
        .write(folder.resolve("base"));
    var rows = new StringBuilder();
    for (int row = 0; row < 31; row++) {
      var ids = new ArrayList<Integer>();
      for (int i = 0, id = row; i < 5 + row % 17; i++, id = (id * 5 + 3) % 83) {
        ids.add(id);
      }
      rows.append("{\"input_ids\":%s,\"labels\":%s}\n".formatted(ids, ids));
    }
    Files.writeString(folder.resolve("data.jsonl"), rows);
    return Files.writeString(
        folder.resolve("run.yaml"),
        """
        base: base
        data:
          train: data.jsonl
          validation-split: 0.2
        lora:
          rank: 4
          dropout: 0.1
        training:
          max-steps: %d
          learning-rate: 0.02
          batch-size: 6
          micro-batch-tokens: 48
        evaluation:
          every: 7
        checkpoint:
          every: 2
        """
            .formatted(STEPS));
  }

  @Test
  void aFewKillsChangeNothing() throws Exception {
    steps = FEW_STEPS;
    Path whole = undisturbed();
    Path killed = folder.resolve("killed");
    kill(killed, Moment.IN_SAVE);
    kill(killed, Moment.ANY);
    kill(killed, Moment.AT_RESULT);
    finish(killed);
    assertSameRuns(killed, whole);
  }

  @Test
  @Tag("nightly")
  void fiftyKillsChangeNothing() throws Exception {
    Path whole = undisturbed();
    int kills = 0;
    for (int round = 0; kills < 50; round++) {
      Path killed = folder.resolve("killed-" + round);
      for (int i = 0; i < 12 && !Files.exists(killed.resolve(RESULT)); i++) {
        kills += kill(killed, i % 3 == 2 ? Moment.IN_SAVE : Moment.ANY);
      }
      kills += kill(killed, Moment.AT_RESULT);
      finish(killed);
      assertSameRuns(killed, whole);
    }
    System.out.printf("%d kills; left behind: %s%n", kills, found);
    assertThat(found).as("kills inside a save").filteredOn("step"::equals).hasSizeGreaterThan(5);
  }

  private Path undisturbed() throws Exception {
    Path whole = folder.resolve("whole");
    Process run = GraftProcess.start(folder, GraftProcess.command(train(whole)));
    assertThat(run.waitFor()).as(errors()).isZero();
    return whole;
  }

  private String[] train(Path output) {
    return new String[] {
      "train",
      folder.resolve("run.yaml").toString(),
      "--resume",
      "--set=output=" + output,
      "--set=training.max-steps=" + steps
    };
  }

  private void finish(Path output) throws Exception {
    // By its folder alone, which is how a run that was broken off is resumed.
    Process run =
        GraftProcess.start(folder, GraftProcess.command("train", output.toString(), "--resume"));
    assertThat(run.waitFor()).as(errors()).isZero();
  }

  /**
   * Starts or resumes a run and kills it.
   *
   * @return 1, or 0 where the run came to its end before
   */
  private int kill(Path output, Moment moment) throws Exception {
    Process run = GraftProcess.start(folder, GraftProcess.command(train(output)));
    long earliest = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(random.nextInt(2500));
    int saves = moment == Moment.IN_SAVE ? 1 + random.nextInt(5) : 0;
    while (run.isAlive()) {
      boolean due =
          switch (moment) {
            case ANY -> System.nanoTime() >= earliest;
            case IN_SAVE -> unfinished(output.resolve("checkpoints"), "step") && --saves <= 0;
            case AT_RESULT -> unfinished(output, "adapter");
          };
      if (due) {
        run.destroyForcibly();
        break;
      }
      Thread.sleep(Duration.ofNanos(300_000));
    }
    boolean wasKilled = run.waitFor() == 128 + 9;
    assertThat(wasKilled || run.exitValue() == 0).as(errors()).isTrue();
    for (String kind : List.of("step", "adapter")) {
      if (unfinished(kind.equals("step") ? output.resolve("checkpoints") : output, kind)) {
        found.add(kind);
      }
    }
    return wasKilled ? 1 : 0;
  }

  private static boolean unfinished(Path folder, String kind) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .anyMatch(name -> name.startsWith(kind) && name.contains(".tmp-"));
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private void assertSameRuns(Path one, Path other) throws IOException {
    String last = "checkpoints/step-%06d/trainer.safetensors".formatted(steps);
    for (String file : List.of(RESULT, last)) {
      assertThat(one.resolve(file)).hasSameBinaryContentAs(other.resolve(file));
    }
    assertThat(metrics(one)).isEqualTo(metrics(other));
    try (Stream<Path> all = Files.walk(one)) {
      assertThat(all.map(Path::toString)).noneMatch(name -> name.contains(".tmp-"));
    }
  }

  /** The lines of metrics, without what a clock says. */
  private static List<String> metrics(Path run) throws IOException {
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
        .map(line -> line.replaceAll("\"(tokens_per_second|seconds)\":[^,}]+", ""))
        .toList();
  }

  private String errors() throws IOException {
    Path err = folder.resolve("err");
    return Files.exists(err) ? Files.readString(err) : "";
  }
}
