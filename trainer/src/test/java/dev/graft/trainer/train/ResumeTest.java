package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that is broken off and goes on is the run that was never broken off, bit for bit. */
class ResumeTest {

  private static final String[] DROPOUT = {"lora.dropout=0.1", "evaluation.every=4"};

  @TempDir Path folder;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private SmallRun small;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
  }

  /** Asks to stop once so many steps have been shown, and keeps what is said. */
  private Console stoppingAfter(int steps, StopSignal stop) {
    String sign = "step %2d/".formatted(steps);
    OutputStream watched =
        new FilterOutputStream(said) {
          @Override
          public void flush() throws IOException {
            super.flush();
            if (said().contains(sign)) {
              stop.request();
            }
          }
        };
    var out = new PrintStream(watched, true, StandardCharsets.UTF_8);
    return new Console(out, out, true, 200, false, System::nanoTime);
  }

  private RunResult runUntil(int step, RunStart start, RunConfig config) {
    said.reset();
    StopSignal stop = new StopSignal();
    return LoraFinetuning.run(config, start, stoppingAfter(step, stop), stop);
  }

  private RunResult resume(RunConfig config) {
    return runUntil(-1, RunStart.RESUME, config);
  }

  private void assertSameRuns(Path one, Path other) throws IOException {
    assertThat(results(one)).isNotEmpty().isEqualTo(results(other));
    for (Path result : results(one)) {
      assertThat(one.resolve(result)).hasSameBinaryContentAs(other.resolve(result));
    }
    assertThat(one.resolve("checkpoints/step-000012/trainer.safetensors"))
        .as("parameters and both moments")
        .hasSameBinaryContentAs(other.resolve("checkpoints/step-000012/trainer.safetensors"));
    assertThat(metrics(one)).isEqualTo(metrics(other));
  }

  /** The weights of an adapter or a model, relative to the run. */
  private static List<Path> results(Path run) throws IOException {
    try (Stream<Path> files = Files.walk(run, 2)) {
      return files
          .filter(file -> file.toString().matches(".*/(adapter|model)/.*\\.safetensors"))
          .map(run::relativize)
          .sorted()
          .toList();
    }
  }

  /** The lines of metrics, without what a clock says. */
  private static List<String> metrics(Path run) throws IOException {
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
        .map(line -> line.replaceAll("\"(tokens_per_second|seconds)\":[^,}]+", ""))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 7, 12})
  void aStoppedRunGoesOnBitForBit(int stopAfter) throws IOException {
    SmallRun.run(small.config("whole", DROPOUT));
    RunResult first = runUntil(stopAfter, RunStart.NEW, small.config("parts", DROPOUT));
    assertThat(first.steps()).isEqualTo(stopAfter);
    RunResult second = resume(small.config("parts", DROPOUT));
    assertThat(second.steps()).isEqualTo(12);
    assertSameRuns(small.output("whole"), small.output("parts"));
  }

  @Test
  void aFullFineTuningGoesOnBitForBit() throws IOException {
    String[] full = {
      "method=full", "lora.rank=null", "training.neftune-alpha=5", "evaluation.every=4"
    };
    SmallRun.run(small.config("whole", full));
    for (int step : new int[] {3, 10}) {
      runUntil(step, step == 3 ? RunStart.NEW : RunStart.RESUME, small.config("parts", full));
    }
    resume(small.config("parts", full));
    assertSameRuns(small.output("whole"), small.output("parts"));
    assertThatThrownBy(() -> resume(small.config("parts", "training.neftune-alpha=5")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("method was full, is lora");
  }

  /** Its momentum goes by a product over all steps, which no array of a checkpoint holds. */
  @Test
  void anotherOptimizerAndScheduleGoOnBitForBit() throws IOException {
    String[] nadam = {"training.optimizer=nadam", "training.schedule=wsd", "evaluation.every=4"};
    SmallRun.run(small.config("whole", nadam));
    runUntil(5, RunStart.NEW, small.config("parts", nadam));
    resume(small.config("parts", nadam));
    assertSameRuns(small.output("whole"), small.output("parts"));
    assertThatThrownBy(() -> resume(small.config("parts", "training.optimizer=sgd")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("training.optimizer was nadam, is sgd");
  }

  @Test
  void manyBreaksAreNoDifference() throws IOException {
    SmallRun.run(small.config("whole", DROPOUT));
    for (int step : new int[] {1, 2, 6, 8}) {
      runUntil(step, step == 1 ? RunStart.NEW : RunStart.RESUME, small.config("parts", DROPOUT));
    }
    resume(small.config("parts", DROPOUT));
    assertSameRuns(small.output("whole"), small.output("parts"));
  }

  @Test
  void whatACrashLeftBehindIsCutOff() throws IOException {
    SmallRun.run(small.config("whole", DROPOUT));
    runUntil(7, RunStart.NEW, small.config("parts", DROPOUT));
    Path parts = small.output("parts");
    Files.writeString(
        parts.resolve("metrics.jsonl"),
        "{\"kind\":\"step\",\"step\":8}\n{\"kind\":\"st",
        StandardOpenOption.APPEND);
    Files.createDirectories(parts.resolve("checkpoints/step-000010.tmp-0123"));
    Files.writeString(parts.resolve("checkpoints/step-000010.tmp-0123/state.json"), "{");
    Files.writeString(parts.resolve("config.yaml.tmp-0123"), "bas");
    resume(small.config("parts", DROPOUT));
    assertSameRuns(small.output("whole"), parts);
    try (Stream<Path> all = Files.walk(parts)) {
      assertThat(all.map(Path::toString)).noneMatch(name -> name.contains(".tmp-"));
    }
  }

  @Test
  void aDamagedCheckpointIsNamedAndTheOneBeforeIsTaken() throws IOException {
    SmallRun.run(small.config("whole", DROPOUT));
    runUntil(11, RunStart.NEW, small.config("parts", DROPOUT));
    Path parts = small.output("parts");
    for (String name : List.of("adapter_model.safetensors", "trainer.safetensors", "state.json")) {
      Path newest = newest(parts);
      flipByte(newest.resolve(name));
      runUntil(10, RunStart.RESUME, small.config("parts", DROPOUT));
      assertThat(said())
          .contains("warning: " + newest + " is damaged: " + name + " is not what was written")
          .contains("resume   after step");
    }
    resume(small.config("parts", DROPOUT));
    assertSameRuns(small.output("whole"), parts);
  }

  @Test
  void withoutAnyIntactCheckpointNothingIsTouched() throws IOException {
    runUntil(3, RunStart.NEW, small.config("run", "checkpoint.every=0"));
    Path run = small.output("run");
    flipByte(newest(run).resolve("manifest.json"));
    List<String> before = metrics(run);
    assertThatThrownBy(() -> resume(small.config("run", "checkpoint.every=0")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("no checkpoint is intact");
    assertThat(metrics(run)).isEqualTo(before);
  }

  @Test
  void anotherConfigurationIsRefusedByName() throws IOException {
    runUntil(3, RunStart.NEW, small.config("run"));
    assertThatThrownBy(
            () -> resume(small.config("run", "training.learning-rate=0.01", "lora.rank=8")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("lora.rank was 4, is 8; training.learning-rate was 0.02, is 0.01")
        .hasMessageContaining("lora.init-from=");
    resume(small.config("run", "checkpoint.every=3", "evaluation.every=2"));
    assertThat(said()).contains("resume   changed: checkpoint.every was 5, is 3");
  }

  @Test
  void otherDataAndAnotherBaseAreRefusedAndMovedOnesAreNot() throws IOException {
    runUntil(3, RunStart.NEW, small.config("run"));
    String rows = Files.readString(small.data());
    Files.writeString(small.data(), rows.replaceFirst("-100", "-100 "));
    assertThatThrownBy(() -> resume(small.config("run")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("data.train: the content of " + small.data() + " is another");
    Path moved = Files.writeString(folder.resolve("moved.jsonl"), rows);
    Path shard;
    try (Stream<Path> files = Files.list(small.base())) {
      shard = files.filter(f -> f.toString().contains("-00001-of")).findFirst().orElseThrow();
    }
    byte[] weights = Files.readAllBytes(shard);
    weights[weights.length - 1] ^= 1;
    Files.write(shard, weights);
    assertThatThrownBy(() -> resume(small.config("run", "data.train=" + moved)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("base: the model's configuration or weights are others");
    weights[weights.length - 1] ^= 1;
    Files.write(shard, weights);
    assertThat(resume(small.config("run", "data.train=" + moved)).steps()).isEqualTo(12);
  }

  @Test
  void aFinishedRunHasNothingLeftToDoAndALongerOneGoesOn() throws IOException {
    SmallRun.run(small.config("run"));
    Path adapter = small.output("run").resolve("adapter/adapter_model.safetensors");
    byte[] before = Files.readAllBytes(adapter);
    assertThat(resume(small.config("run")).ending()).isEqualTo(new Ending.Complete());
    assertThat(adapter).hasBinaryContent(before);
    assertThat(resume(small.config("run", "training.max-steps=15")).steps()).isEqualTo(15);
    assertThat(said()).contains("the run has 15 steps now, it had 12");
  }

  @Test
  void resumeBeginsWhereNothingWasSaved() throws IOException {
    assertThat(resume(small.config("run")).steps()).isEqualTo(12);
    SmallRun.run(small.config("whole"));
    assertSameRuns(small.output("whole"), small.output("run"));
  }

  private String said() {
    return said.toString(StandardCharsets.UTF_8);
  }

  private static Path newest(Path run) throws IOException {
    try (Stream<Path> all = Files.list(run.resolve("checkpoints"))) {
      return all.filter(path -> path.toString().matches(".*step-\\d+")).sorted().toList().getLast();
    }
  }

  private static void flipByte(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
  }
}
