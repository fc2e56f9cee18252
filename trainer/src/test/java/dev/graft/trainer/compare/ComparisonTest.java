package dev.graft.trainer.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.compare.scorecard.Figure;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.ScorecardJson;
import dev.graft.trainer.compare.scorecard.ScorecardPage;
import dev.graft.trainer.compare.scorecard.ScorecardTable;
import dev.graft.trainer.compare.statistics.Difference.Verdict;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.report.Chromium;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole comparisons: figures, gates, pages, and answers that do not fit. */
class ComparisonTest extends MedicalComparison {

  @Test
  void theFiguresAreTheHandMadeOnes() throws IOException {
    Scorecard card = run(RECORDED + SCORERS);

    assertThat(card.baseline()).isEqualTo("claude");
    Figure json = figure(card, "json");
    assertThat(mean(json, "adapter")).isCloseTo(198 / 265.0, within(1e-12));
    assertThat(mean(json, "claude")).isEqualTo(1);
    assertThat(json.verdict("adapter")).contains(Verdict.WORSE);
    assertThat(mean(figure(card, "json/parses-strict"), "adapter")).isCloseTo(0.8, within(1e-12));
    // 14 codes that only the baseline has right: p = 2 / 2^14, times 3 scorers at most.
    assertThat(difference(figure(card, "code"), "adapter").pValue())
        .isCloseTo(2 / 16384.0, within(1e-12));
    assertThat(card.fields().stream().filter(it -> it.contestant().equals("adapter")))
        .extracting(it -> it.field() + " " + it.hits() + " " + it.extra() + " " + it.missed())
        .containsExactly(
            "diagnosis_icd10 17 9 13",
            "symptoms 43 1 17",
            "prescribed_medications 24 3 13",
            "follow_up_date 15 3 8");
    // 40 tokens in and 30 out at 1 and 10 a million: 0.34 for a thousand requests.
    assertThat(card.standings().getLast().pricePerThousand()).hasValue(0.34);
    assertThat(card.notes()).anyMatch(it -> it.contains("cheaper from 200,000 requests a month"));
    assertThat(ScorecardTable.of(card)).contains("json: adapter is worse than claude");
    JsonNode numbers = JsonMapper.shared().readTree(ScorecardJson.of(card));
    assertThat(numbers.at("/figures/0/values/adapter/difference/verdict").asString())
        .isEqualTo("worse");
  }

  @Test
  void missingAnswersAreCountedAndNotScored() throws IOException {
    List<String> lines = Files.readAllLines(folder.resolve("answers.jsonl"));
    Files.write(folder.resolve("answers.jsonl"), lines.subList(0, 20));

    Scorecard card = run(RECORDED + SCORERS);

    assertThat(card.standings().getLast().answered()).isEqualTo(20);
    assertThat(card.standings().getLast().failures())
        .containsExactly(Map.entry("no answer in answers.jsonl", 10));
    Figure code = figure(card, "code");
    assertThat(code.measured()).containsEntry("adapter", 20).containsEntry("claude", 30);
    assertThat(difference(code, "adapter").pairs()).isEqualTo(20);
  }

  @Test
  void theGateHoldsOrNot() throws IOException {
    String go =
        """
        go:
          contestant: adapter
          rules:
            json: {at-least: 0.7}
            json/parses-strict: {at-least: 0.9}
            code: {no-worse-than: claude, margin: 0.1}
        """;
    Scorecard card = run(RECORDED + SCORERS + go);

    assertThat(card.isGo()).isFalse();
    assertThat(card.decision().orElseThrow().checks())
        .extracting(it -> it.holds())
        .containsExactly(true, true, false, false);
    assertThat(run(RECORDED + SCORERS + go.replace("0.9", "0.8").replace("0.1}", "0.9}")).isGo())
        .isTrue();
    assertThatThrownBy(() -> run(RECORDED + SCORERS + go.replace("json/parses", "json/passes")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("go.rules.json/passes-strict: there is no such figure");
  }

  @Test
  void answersOfOtherDataAreRefused() throws IOException {
    Path answers = folder.resolve("answers.jsonl");
    String good = Files.readString(answers);

    Files.writeString(answers, good.replace("\"v", "\"w"));
    assertThatThrownBy(() -> run(RECORDED + SCORERS)).hasMessageContaining("belongs to other data");
    Files.writeString(answers, good + good.lines().toList().get(3) + "\n");
    assertThatThrownBy(() -> run(RECORDED + SCORERS))
        .hasMessageContaining(
            "answers.jsonl line 31: the id 'v04' has an answer already, on line 4");
    Files.writeString(answers, good.replace("\"completion\"", "\"other\""));
    assertThatThrownBy(() -> run(RECORDED + SCORERS))
        .hasMessageContaining("has no 'completion.text'");
    Files.writeString(answers, good + "{oops\n");
    assertThatThrownBy(() -> run(RECORDED + SCORERS)).hasMessageContaining("line 31: is not JSON");
    Files.writeString(answers, good);
    Path data = folder.resolve("data.jsonl");
    Files.writeString(data, Files.readString(data).replace("\"v05\"", "\"v04\""));
    assertThatThrownBy(() -> run(RECORDED + SCORERS))
        .hasMessageContaining("data.jsonl line 5: the id 'v04' occurs a second time");
  }

  @Test
  void thePageHoldsEveryExampleAndNoMarkupOfTheData() throws IOException {
    Path answers = folder.resolve("answers.jsonl");
    Files.writeString(
        answers, Files.readString(answers).replace("strep throat", "</script><b>strep</b>"));
    String html = ScorecardPage.of(run(RECORDED + SCORERS));

    assertThat(html).doesNotContain("<b>strep", "https://", "http://");
    assertThat(html).contains("json: adapter is worse than claude", "v30", "class=\"forest\"");
  }

  @Test
  void aBrowserShowsTheExamples() throws Exception {
    Optional<Path> browser = Chromium.find();
    Assumptions.assumeTrue(browser.isPresent(), "no Chromium: the page is not opened");
    Path page = folder.resolve("scorecard.html");
    Files.writeString(page, ScorecardPage.of(run(RECORDED + SCORERS)));
    try (Chromium opened = Chromium.start(browser.get(), folder.resolve("profile"))) {
      opened.open(page, 400, true);
      assertThat(opened.evaluate("document.documentElement.outerHTML").asString())
          .contains("30 of 30 examples", "1 to 25", "<strong>v25</strong>");
      assertThat(opened.complaints()).isEmpty();
      assertThat(opened.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(400);
    }
  }
}
