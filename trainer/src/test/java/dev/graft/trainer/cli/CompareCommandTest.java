package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareCommandTest {

  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private Path config = Path.of("");

  private int graft(String... arguments) {
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(arguments);
  }

  @BeforeEach
  void write() throws IOException {
    Files.writeString(
        folder.resolve("data.jsonl"),
        "{\"prompt\":\"q\",\"completion\":\"a\"}\n{\"prompt\":\"r\",\"completion\":\"b\"}\n");
    Files.writeString(
        folder.resolve("good.jsonl"), "{\"id\":1,\"answer\":\"a\"}\n{\"id\":2,\"answer\":\"b\"}\n");
    Files.writeString(
        folder.resolve("bad.jsonl"), "{\"id\":1,\"answer\":\"x\"}\n{\"id\":2,\"answer\":\"b\"}\n");
    config = folder.resolve("c.yaml");
    Files.writeString(
        config,
        """
        data: data.jsonl
        contestants:
          good: {kind: recorded, file: good.jsonl}
          bad: {kind: recorded, file: bad.jsonl}
        scorers: {same: exact}
        statistics: {resamples: 100}
        go:
          contestant: bad
          rules:
            same: {at-least: 0.5}
        """);
  }

  @Test
  void goIsZeroAndNoGoIsThree() throws IOException {
    Path output = folder.resolve("out");

    assertThat(graft("compare", config.toString(), "--output", output.toString())).isZero();
    assertThat(out.toString())
        .contains("same: no difference shown between bad and good", "GO: bad");
    assertThat(output.resolve("scorecard.json")).exists();
    assertThat(output.resolve("scorecard.html")).exists();

    Files.writeString(config, Files.readString(config).replace("at-least: 0.5", "at-least: 0.6"));
    assertThat(graft("compare", config.toString(), "--output", output.toString())).isEqualTo(3);
    assertThat(out.toString()).contains("FAILS: same is 0.500, at least 0.600", "NO-GO: bad");
  }

  @Test
  void whatIsWrongIsOneLineAndWritesNothing() throws IOException {
    Files.writeString(config, Files.readString(config).replace("same: exact", "same: exat"));
    Path output = folder.resolve("out");

    assertThat(graft("compare", config.toString(), "--output", output.toString())).isEqualTo(2);

    assertThat(err.toString())
        .contains("c.yaml:5: scorers.same.kind: is 'exat'", "did you mean exact?");
    assertThat(output).doesNotExist();
    assertThat(graft("compare")).isEqualTo(2);
  }

  @Test
  void anAssessmentSaysWhichRoadFits() {
    Path data = Path.of(System.getProperty("graft.root", ".."), "configs/quickstart/train.jsonl");

    assertThat(graft("assess", data.toString(), "--requests-per-day", "5000")).isZero();
    assertThat(out.toString()).contains("advice: LoRA on an open model", "week 1: audit");
    assertThat(graft("assess", data.toString(), "--input-price=-1")).isEqualTo(2);
  }
}
