package dev.graft.trainer.runs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.AsideFolder;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {

  @TempDir Path temp;
  private Path output;

  @BeforeEach
  void output() {
    output = temp.resolve("runs/first");
  }

  @Test
  void theLayoutIsTheDesigns() throws IOException {
    try (var run = RunFolder.create(output, false)) {
      assertThat(run.config()).isEqualTo(output.resolve("config.yaml"));
      assertThat(run.metrics()).isEqualTo(output.resolve("metrics.jsonl"));
      assertThat(run.adapter()).isEqualTo(output.resolve("adapter"));
      assertThat(run.report()).isEqualTo(output.resolve("report.html"));
      assertThat(run.checkpoints().of(50)).isEqualTo(output.resolve("checkpoints/step-000050"));
    }
  }

  @Test
  void aRunThatNeverGotUnderWayLeavesNothing() throws IOException {
    try (var run = RunFolder.create(output, false)) {
      Files.writeString(run.config(), "x");
      run.checkpoints().save(1, folder -> Files.writeString(folder.resolve("a"), "x"));
    }
    assertThat(output).doesNotExist();
  }

  @Test
  void aFolderThatHoldsARunIsRefused() throws IOException {
    finishedRun();
    var before = snapshot();

    assertThatThrownBy(() -> RunFolder.create(output, false))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("already holds a run")
        .hasMessageContaining("--overwrite");

    assertThat(snapshot()).isEqualTo(before);
  }

  @Test
  void whatIsNotOursNeitherRefusesNorGoes() throws IOException {
    Files.createDirectories(output);
    Files.writeString(output.resolve("notes.txt"), "mine");
    finishedRun();
    Files.writeString(output.resolve("adapter/model.gguf"), "mine");
    Files.writeString(output.resolve("checkpoints/why.md"), "mine");

    try (var run = RunFolder.create(output, true)) {
      Files.writeString(run.config(), "new");
      run.begun();
    }

    assertThat(snapshot())
        .containsOnlyKeys("notes.txt", "adapter/model.gguf", "checkpoints/why.md", "config.yaml");
  }

  @Test
  void aReplacementThatFailsPutsTheOldRunBack() throws IOException {
    finishedRun();
    var before = snapshot();

    try (var run = RunFolder.create(output, true)) {
      assertThat(run.config()).doesNotExist();
      assertThat(run.checkpoints().all()).isEmpty();
      Files.writeString(run.config(), "new");
    }

    assertThat(snapshot()).isEqualTo(before);
  }

  @Test
  void aCrashBetweenTheRunsLosesNeither() throws IOException {
    finishedRun();
    var before = snapshot();
    var crashed = RunFolder.create(output, true);
    Files.writeString(crashed.config(), "new");

    assertThatThrownBy(() -> RunFolder.check(output, false)).hasMessageContaining("holds a run");
    try (var run = RunFolder.create(output, true)) {
      assertThat(run.config()).doesNotExist();
    }

    assertThat(snapshot()).isEqualTo(before);
  }

  @Test
  void onlyTheNewestCheckpointsAreKept() throws IOException {
    try (var run = RunFolder.create(output, false)) {
      for (int step : new int[] {7, 50, 100, 1_000_000}) {
        run.checkpoints().save(step, folder -> Files.writeString(folder.resolve("a"), "x"));
        run.checkpoints().prune(2, OptionalInt.empty());
      }
      assertThat(run.checkpoints().all())
          .extracting(path -> path.getFileName().toString())
          .containsExactly("step-000100", "step-1000000");
    }
  }

  @Test
  void placesThatCannotBeWrittenAreNamedBeforeAnything() throws IOException {
    Path file = Files.writeString(temp.resolve("file"), "x");

    assertThatThrownBy(() -> RunFolder.check(file, true)).hasMessageContaining("is a file");
    assertThatThrownBy(() -> RunFolder.check(file.resolve("run"), false))
        .hasMessageContaining("is not a folder that one may write to");
    assertThatCode(() -> RunFolder.check(output, false)).doesNotThrowAnyException();
    assertThat(output).doesNotExist();
  }

  @Test
  void aRunThatGoesOnIsNotReplaced() throws IOException {
    finishedRun();
    try (var metrics = MetricsWriter.open(output.resolve("metrics.jsonl"))) {
      assertThatThrownBy(() -> RunFolder.create(output, true))
          .hasMessageContaining("another run is writing to it");
      metrics.step(new StepMetrics(1, 1, 1, 1, 1, 1, 1, 1, false));
    }
  }

  private void finishedRun() throws IOException {
    try (var run = RunFolder.create(output, false)) {
      Files.writeString(run.config(), "old");
      Files.writeString(run.metrics(), "old\n");
      run.begun();
      run.checkpoints().save(50, folder -> Files.writeString(folder.resolve("adapter.bin"), "old"));
      AsideFolder.write(
          run.adapter(),
          true,
          folder -> Files.writeString(folder.resolve("adapter_config.json"), "{}"));
    }
  }

  private Map<String, String> snapshot() throws IOException {
    var files = new TreeMap<String, String>();
    try (var paths = Files.walk(output)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        files.put(output.relativize(path).toString(), Files.readString(path));
      }
    }
    return files;
  }
}
