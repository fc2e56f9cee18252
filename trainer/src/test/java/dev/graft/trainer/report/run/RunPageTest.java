package dev.graft.trainer.report.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.graft.trainer.report.Chromium;
import dev.graft.trainer.report.LineChart.Point;
import dev.graft.trainer.runs.DataFile;
import dev.graft.trainer.runs.RunStatus;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StoredRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RunPageTest {

  private static final List<DataFile> FILES =
      List.of(
          new DataFile(
              "train",
              SampleRuns.HOSTILE,
              1_257_177,
              "0a".repeat(32),
              "conversations",
              1201,
              Map.of(SampleRuns.HOSTILE, 7L)));

  @TempDir Path folder;

  private static String page(RunStatus status) {
    return RunPage.of(
        SampleRuns.run("first", 10_000, status), FILES, SampleRuns.samples(25, 10_000));
  }

  @ParameterizedTest
  @EnumSource
  void everyTextIsEscaped(RunStatus status) {
    String html = page(status);

    assertThat(html).doesNotContain("<img", "<b>");
    assertThat(html).contains("&lt;img src=x", ">" + status.word() + "<");
    // Of 10,000 steps only what a screen can show.
    assertThat(html.length()).isLessThan(600_000);
  }

  @Test
  void itSaysWhatTheRunSays() {
    assertThat(page(RunStatus.FINISHED))
        .contains("3.4500", "best validation loss, step 10000", "10,000 of 10,000")
        .contains("1,201", "1.3 MB", "0a0a0a0a0a0a")
        .contains("answer 10000", "The other 5 are in samples.jsonl")
        .contains("10 of its steps made no update")
        .contains("./graft train runs/first/config.yaml --set output=runs/again")
        .doesNotContain("--resume");
    assertThat(page(RunStatus.BROKEN)).contains("./graft train runs/first --resume");
  }

  @Test
  void theResultsAnswersAreShownNotTheLast() {
    List<Sample> samples = SampleRuns.samples(1, 8);
    assertThat(new SampleList(samples, Optional.of(4)).html()).contains("after: step 4");
    assertThat(new SampleList(samples, Optional.of(3)).html()).contains("after: step 8");
    assertThat(new SampleList(List.of(), Optional.empty()).html()).contains("evaluation.samples");
  }

  /** By the definition, in the plainest way: each loss weighed by its tokens and its age. */
  @Test
  void theSmoothedLossIsAWeightedMean() {
    StoredRun run = SampleRuns.run("x", 207, RunStatus.FINISHED);
    List<StepMetrics> steps = run.metrics().steps();
    List<Point> smoothed = new Curves(run.metrics(), "").smoothedLoss(0).points();

    double keep = Math.exp(-1.0 / 10);
    for (int i : new int[] {0, 1, 7, 31, 206}) {
      double sum = 0;
      double weight = 0;
      for (int j = 0; j <= i; j++) {
        double w = Math.pow(keep, i - j) * steps.get(j).targetTokens();
        sum += w * steps.get(j).loss();
        weight += w;
      }
      assertThat(smoothed.get(i).y()).isCloseTo(sum / weight, within(1e-12));
    }
  }

  @Test
  void amountsAreReadable() {
    assertThat(Amounts.seconds(0.8449)).isEqualTo("0.84 s");
    assertThat(Amounts.seconds(59.4)).isEqualTo("59 s");
    assertThat(Amounts.seconds(200)).isEqualTo("3 min 20 s");
    assertThat(Amounts.seconds(7500)).isEqualTo("2 h 05 min");
    assertThat(Amounts.bytes(999)).isEqualTo("999 bytes");
    assertThat(Amounts.bytes(999_960)).isEqualTo("1.0 MB");
    assertThat(Amounts.bytes(16_240_000_000L)).isEqualTo("16.2 GB");
    assertThat(Amounts.loss(Double.NaN)).isEqualTo("–");
  }

  @Test
  void aBrowserShowsItOnAScreenAndOnAPhone() throws Exception {
    Optional<Path> program = Chromium.find();
    assumeTrue(program.isPresent(), "no Chromium on this machine: the page is not opened");
    Path page = Files.writeString(folder.resolve("report.html"), page(RunStatus.FINISHED));
    Path comparison =
        Files.writeString(
            folder.resolve("comparison.html"),
            ComparisonPage.of(
                new SideBySide(
                    SampleRuns.run("first", 10_000, RunStatus.FINISHED),
                    SampleRuns.run("second", 31, RunStatus.DIVERGED))));
    Path bad = folder.resolve("bad.html");
    Files.writeString(bad, "<body style='width:900px'><script>console.error('x'); y()</script>");
    try (Chromium browser = Chromium.start(program.get(), folder.resolve("profile"))) {
      for (int width : new int[] {1280, 400}) {
        for (boolean dark : new boolean[] {false, true}) {
          browser.open(page, width, dark);
          assertThat(browser.complaints()).isEmpty();
          assertThat(browser.requests()).containsExactly(page.toUri().toString());
          assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
              .isLessThanOrEqualTo(width);
          assertThat(browser.evaluate("document.querySelectorAll('.plot canvas').length").asInt())
              .isEqualTo(4);
          assertThat(browser.evaluate("getComputedStyle(document.body).backgroundColor").asString())
              .isEqualTo(dark ? "rgb(19, 21, 24)" : "rgb(255, 255, 255)");
        }
      }
      String marks =
          "[...document.querySelectorAll('.chart')][0].querySelector('canvas').toDataURL()";
      String linear = browser.evaluate(marks).asString();
      browser.evaluate("document.querySelectorAll('.scale button')[1].click()");
      assertThat(browser.evaluate(marks).asString()).isNotEqualTo(linear);
      browser.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })");
      assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(400);
      assertThat(browser.complaints()).isEmpty();
      browser.open(comparison, 400, true);
      assertThat(browser.complaints()).isEmpty();
      assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(400);
      assertThat(browser.evaluate("document.querySelectorAll('.plot canvas').length").asInt())
          .isEqualTo(4);
      // The same questions find what is wrong with a page that is.
      browser.open(bad, 400, false);
      assertThat(browser.complaints()).hasSize(2);
      assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
          .isGreaterThan(400);
    }
  }
}
