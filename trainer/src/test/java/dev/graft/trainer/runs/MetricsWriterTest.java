package dev.graft.trainer.runs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

class MetricsWriterTest {

  @TempDir Path folder;

  @Test
  void theLinesHaveTheKeysOfTheDesignAndFullPrecision() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    double third = 1.0 / 3;

    try (var metrics = MetricsWriter.open(file)) {
      metrics.step(new StepMetrics(1, 0.02, third, 1e-7, 5e-5, 207, 1031, 12345.678, false));
      assertThat(Files.readAllLines(file)).as("flushed").hasSize(1);
      metrics.evaluation(new EvaluationMetrics(1, 0.02, third, 99, 0.5));
      metrics.step(new StepMetrics(2, 0.04, Double.NaN, 0, 0, 0, 0, 0, false));
    }

    assertThat(Files.readAllLines(file))
        .containsExactly(
            "{\"kind\":\"step\",\"step\":1,\"epoch\":0.02,\"loss\":0.3333333333333333,"
                + "\"grad_norm\":1.0E-7,\"learning_rate\":5.0E-5,\"target_tokens\":207,"
                + "\"tokens\":1031,\"tokens_per_second\":12345.678}",
            "{\"kind\":\"evaluation\",\"step\":1,\"epoch\":0.02,\"loss\":0.3333333333333333,"
                + "\"perplexity\":"
                + Math.exp(third)
                + ",\"target_tokens\":99,\"seconds\":0.5}",
            "{\"kind\":\"step\",\"step\":2,\"epoch\":0.04,\"loss\":null,\"grad_norm\":0.0,"
                + "\"learning_rate\":0.0,\"target_tokens\":0,\"tokens\":0,"
                + "\"tokens_per_second\":0.0}");
    for (String line : Files.readAllLines(file)) {
      assertThat(JsonMapper.shared().readTree(line).get("step").isInt()).isTrue();
    }
  }

  @Test
  void whatWasWrittenIsReadAndHalfALineIsNot() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    var step = new StepMetrics(1, 0.02, 1.0 / 3, 1e-7, 5e-5, 207, 1031, 12345.678, false);
    var skipped = new StepMetrics(2, 0.04, 7, 0, 0, 0, 0, 0, true);
    var evaluation = new EvaluationMetrics(1, 0.02, 1.0 / 3, 99, 0.5);
    try (var metrics = MetricsWriter.open(file)) {
      metrics.step(step);
      metrics.evaluation(evaluation);
      metrics.step(skipped);
      metrics.step(new StepMetrics(3, 0.06, Double.NaN, 0, 0, 0, 0, 0, false));
    }
    Files.writeString(file, "{\"kind\":\"step\",\"st", StandardOpenOption.APPEND);

    Metrics read = Metrics.read(file);
    assertThat(read.steps()).hasSize(3).startsWith(step, skipped);
    assertThat(read.steps().getLast().loss()).isNaN();
    assertThat(read.evaluations()).containsExactly(evaluation);

    Files.writeString(file, "ep\":4}\nnonsense\n", StandardOpenOption.APPEND);
    assertThatThrownBy(() -> Metrics.read(file)).hasMessageContaining("metrics.jsonl line 5");
  }

  @Test
  void linesAfterACheckpointAreCutOff() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    var step = new StepMetrics(1, 1, 1, 1, 1, 1, 1, 1, false);
    long bytes;
    try (var metrics = MetricsWriter.open(file)) {
      metrics.step(step);
      bytes = metrics.flush();
      metrics.step(step);
    }
    Files.writeString(file, "{\"kin", StandardOpenOption.APPEND);
    try (var metrics = MetricsWriter.open(file)) {
      assertThat(metrics.cut(bytes + 1000)).as("so much was never there").isFalse();
      assertThat(Files.readAllLines(file)).as("half a line goes all the same").hasSize(2);
      assertThat(metrics.cut(bytes)).isTrue();
      metrics.step(step);
    }
    assertThat(Metrics.read(file).steps()).containsExactly(step, step);
  }

  @Test
  void aSecondRunIsKeptOutWhileTheFirstGoesOn() {
    Path file = folder.resolve("metrics.jsonl");
    try (var metrics = MetricsWriter.open(file)) {
      assertThat(MetricsWriter.isBeingWritten(file)).isTrue();
      assertThatThrownBy(() -> MetricsWriter.open(file))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("another run is writing to it");
      metrics.step(new StepMetrics(1, 1, 1, 1, 1, 1, 1, 1, false));
    }
    assertThat(MetricsWriter.isBeingWritten(file)).isFalse();
  }
}
