package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.MetricsWriter;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.RunStatus;
import dev.graft.trainer.runs.StepMetrics;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RunsCommandTest {

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int graft(String... arguments) {
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(arguments);
  }

  @BeforeEach
  void writeRuns() throws IOException {
    write("rank8", RunStatus.FINISHED, 8, 1.25);
    write("sweep/rank16", RunStatus.RUNNING, 16, 0.75);
    write("sweep/rank32", RunStatus.DIVERGED, 32, Double.NaN);
    Files.createDirectories(folder.resolve("empty/deeper/still"));
    Files.writeString(folder.resolve("notes.txt"), "mine");
  }

  private void write(String name, RunStatus status, int rank, double loss) throws IOException {
    Path run = Files.createDirectories(folder.resolve(name));
    Files.writeString(
        run.resolve("config.yaml"),
        """
        base: /models/tiny
        data:
          train: [/data/notes.jsonl]
        lora:
          rank: %d
          alpha: 32
        output: %s
        """
            .formatted(rank, name));
    Files.writeString(
        run.resolve("data.json"),
        """
        {"version":1,"train":[{"file":"notes.jsonl","bytes":9,"sha256":"%s","format":"messages",\
        "sources":{"ward 3":2},"count":2,"rows":[{"line":1,"sha256":"x"},{"line":2,"sha256":"y"}]}]}
        """
            .formatted(rank == 8 ? "aa" : "bb"));
    try (MetricsWriter metrics = MetricsWriter.open(run.resolve("metrics.jsonl"))) {
      metrics.evaluation(new EvaluationMetrics(0, 0, 2.5, 100, 0.5));
      metrics.step(new StepMetrics(1, 0.5, loss, 1, 1e-3, 60, 100, 200, false));
      metrics.evaluation(new EvaluationMetrics(1, 0.5, loss, 100, 0.5));
    }
    new RunRecord(
            RunRecord.VERSION,
            status,
            "",
            "2026-05-0%dT12:00:00Z".formatted(rank % 7),
            List.of(),
            "2026-05-09T12:00:00Z",
            4,
            2,
            OptionalInt.empty(),
            new RunRecord.Facts(
                Map.of(),
                new RunRecord.Data(2, 1, 9, 100, 60, List.of()),
                new RunRecord.Memory(Map.of(), 5_000_000, 7, OptionalLong.empty()),
                Map.of("compute", "CPU")))
        .write(run.resolve("run.json"));
  }

  @Test
  void runsAreListedAlsoThoseOfSweeps() {
    assertThat(graft("runs", folder.toString())).isZero();

    List<String> lines = out.toString().lines().toList();
    assertThat(lines).hasSize(4);
    assertThat(lines.get(1).split(" {2,}"))
        .containsExactly(
            "rank8",
            "finished",
            "1 of 4",
            "1.2500",
            "1",
            "2.5000",
            "1.50 s",
            "tiny",
            "notes.jsonl");
    assertThat(lines.get(2)).startsWith("sweep/rank16  broken ").contains("0.7500");
    assertThat(lines.get(3)).startsWith("sweep/rank32  diverged").contains("–");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void oneThatIsBeingWrittenRuns() {
    try (var _ = MetricsWriter.open(folder.resolve("sweep/rank16/metrics.jsonl"))) {
      assertThat(graft("runs", folder.resolve("sweep").toString())).isZero();
    }
    assertThat(out.toString()).contains("rank16  running ");
  }

  @Test
  void aRunsOwnFolderIsListedAlone() {
    assertThat(graft("runs", folder.resolve("rank8").toString())).isZero();
    assertThat(out.toString().lines()).hasSize(2).last().asString().startsWith("rank8 ");
  }

  @Test
  void theBestComesFirstIfAskedFor() {
    assertThat(graft("runs", folder.toString(), "--sort=best", "--json")).isZero();

    JsonNode runs = JsonMapper.shared().readTree(out.toString());
    assertThat(runs)
        .extracting(run -> run.get("run").asString())
        .containsExactly("sweep/rank16", "rank8", "sweep/rank32");
    assertThat(runs.get(0).get("best_loss").doubleValue()).isEqualTo(0.75);
    assertThat(runs.get(0).get("seconds").doubleValue()).isEqualTo(1.5);
    assertThat(runs.get(2).get("best_loss").isNull()).isTrue();
    assertThat(runs.get(1).get("config").get("lora.rank").asString()).isEqualTo("8");
  }

  @Test
  void aDamagedRunLeavesTheOthersListed() throws IOException {
    Files.writeString(folder.resolve("rank8/run.json"), "{");

    assertThat(graft("runs", folder.toString())).isZero();

    assertThat(out.toString().lines()).hasSize(3);
    assertThat(err.toString()).contains("warning: ", "rank8/run.json is not the record of a run");
  }

  @Test
  void whatIsNotThereIsAUsersMistake() {
    assertThat(graft("runs", folder.resolve("nowhere").toString())).isEqualTo(2);
    assertThat(graft("runs", folder.resolve("empty").toString())).isZero();
    assertThat(out.toString()).contains("no runs in");
    assertThat(graft("runs", "compare", folder.toString(), folder.toString())).isEqualTo(2);
    assertThat(graft("report", folder.resolve("empty").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("there is no such folder", "holds no run");
  }

  @Test
  void twoRunsStandSideBySide() throws IOException {
    Path page = folder.resolve("comparison.html");
    String left = folder.resolve("rank8").toString();
    String right = folder.resolve("sweep/rank16").toString();

    assertThat(graft("runs", "compare", left, right, "--html", page.toString())).isZero();

    assertThat(out.toString().lines().map(line -> line.replaceAll(" {2,}", "|")))
        .contains(
            "best validation loss|1.2500|0.7500",
            "lora.rank|8|16",
            "train notes.jsonl|2 rows, SHA-256 aa|2 rows, SHA-256 bb")
        .noneMatch(line -> line.startsWith("output|"));
    assertThat(Files.readString(page))
        .contains("<td>lora.rank</td><td>8</td><td>16</td>", "training loss, smoothed, rank16");

    out.getBuffer().setLength(0);
    assertThat(graft("runs", "compare", left, left)).isZero();
    assertThat(out.toString())
        .contains("The configurations are the same.", "The data are the same.");
  }

  @Test
  void thePageIsWrittenAgain() throws IOException {
    assertThat(graft("report", folder.resolve("rank8").toString())).isZero();

    assertThat(Files.readString(folder.resolve("rank8/report.html")))
        .contains("<h1>Run rank8</h1>", "ward 3", "1.2500");
  }
}
