package dev.graft.trainer.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.compare.ChatServer.Behaviour;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.scorecard.Figure;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.ScorecardJson;
import dev.graft.trainer.compare.scorecard.ScorecardPage;
import dev.graft.trainer.compare.scorecard.ScorecardTable;
import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Difference.Verdict;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole comparisons on the thirty medical answers. */
class ComparisonTest {

  private static final String SCORERS =
      """
      scorers:
        json:
          kind: json
          fields:
            diagnosis_icd10: code
            symptoms: text
            prescribed_medications: text
            follow_up_date: date
        code: {kind: code, field: diagnosis_icd10}
        text: chrf
      statistics: {resamples: 2000}
      """;

  @TempDir Path folder;

  private List<JsonNode> rows = List.of();

  @BeforeEach
  void writeData() throws IOException {
    rows = medical();
    var data = new StringBuilder();
    var answers = new StringBuilder();
    var perfect = new StringBuilder();
    for (JsonNode row : rows) {
      String id = row.get("id").stringValue();
      data.append(
          line(
              Map.of(
                  "id",
                  id,
                  "conversations",
                  List.of(
                      Map.of("role", "human", "content", "Note of visit " + id),
                      Map.of(
                          "role", "assistant", "content", row.get("reference").stringValue())))));
      answers.append(
          line(
              Map.of(
                  "id",
                  id,
                  "completion",
                  Map.of("text", row.get("answer").stringValue()),
                  "usage",
                  Map.of("in", 40, "out", 30),
                  "ms",
                  120.5)));
      perfect.append(line(Map.of("id", id, "answer", row.get("reference").stringValue())));
    }
    Files.writeString(folder.resolve("data.jsonl"), data);
    Files.writeString(folder.resolve("answers.jsonl"), answers);
    Files.writeString(folder.resolve("perfect.jsonl"), perfect);
  }

  static List<JsonNode> medical() throws IOException {
    try (InputStream in = ComparisonTest.class.getResourceAsStream("medical.jsonl")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(line -> JsonMapper.shared().readTree(line))
          .toList();
    }
  }

  private static String line(Map<String, Object> row) {
    return JsonMapper.shared().writeValueAsString(new LinkedHashMap<>(row)) + "\n";
  }

  private static final String RECORDED =
      """
      data: data.jsonl
      contestants:
        claude:
          kind: recorded
          file: perfect.jsonl
        adapter:
          kind: recorded
          file: answers.jsonl
          fields: {answer: completion.text, input-tokens: usage.in, output-tokens: usage.out, latency-ms: ms}
      prices:
        adapter: {input: 1, output: 10}
      hardware: {per-month: 68, contestant: claude, against: adapter}
      """;

  private Scorecard run(String yaml) throws IOException {
    return run(yaml, false, Map.of()).orElseThrow();
  }

  private Optional<Scorecard> run(String yaml, boolean paid, Map<String, String> environment)
      throws IOException {
    Path file = Files.writeString(folder.resolve("compare.yaml"), yaml);
    return new Comparison(
            CompareConfig.read(file),
            new Comparison.Options(
                folder.resolve("out"), paid, false, environment, new StopSignal()),
            Console.silent())
        .run();
  }

  private static Figure figure(Scorecard card, String name) {
    return card.figures().stream().filter(it -> it.name().equals(name)).findFirst().orElseThrow();
  }

  private static double mean(Figure figure, String name) {
    return Objects.requireNonNull(figure.means().get(name)).estimate();
  }

  private static Difference difference(Figure figure, String name) {
    return Objects.requireNonNull(figure.differences().get(name));
  }

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
  void badConfigurationsNameKeyAndLine() {
    assertThatThrownBy(() -> run("data: data.jsonl\ncontestants:\n  a: {kind: recordd, file: x}\n"))
        .hasMessageMatching(
            "(?s).*compare.yaml:3: contestants.a.kind: is 'recordd', one of .*; did you mean"
                + " recorded\\?");
    assertThatThrownBy(() -> run(RECORDED.replace("file: perfect", "fil: perfect") + SCORERS))
        .hasMessageContaining(
            "compare.yaml:5: contestants.claude.fil: unknown key; did you mean file?");
    assertThatThrownBy(() -> run(RECORDED + SCORERS.replace("text: chrf", "text: chrff")))
        .hasMessageContaining("scorers.text.kind: is 'chrff'")
        .hasMessageContaining("did you mean chrf?");
    assertThatThrownBy(() -> run(RECORDED + "baseline: nobody\n" + SCORERS))
        .hasMessageContaining("baseline: 'nobody' is none of the contestants");
    assertThatThrownBy(() -> run(RECORDED + SCORERS.replace("date\n", "datum\n")))
        .hasMessageContaining("fields.follow_up_date: 'datum' is none of");
    assertThatThrownBy(() -> run("data: data.jsonl\n"))
        .hasMessageContaining("contestants: is missing");
    assertThatThrownBy(() -> run(RECORDED + SCORERS + "data: twice\n"))
        .hasMessageContaining("data: is set a second time");
  }

  @Test
  void aSchemaThatIsNoneIsRefused() throws IOException {
    Files.writeString(folder.resolve("schema.json"), "{\"type\":\"strnig\"}");

    assertThatThrownBy(
            () -> run(RECORDED + "scorers:\n  json: {kind: json, schema: schema.json}\n"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("scorers.json: schema: ")
        .hasMessageContaining("schema.json: it is no schema");
  }

  private String live(ChatServer server, String cache) {
    return """
    data: data.jsonl
    contestants:
      claude:
        kind: claude
        model: some-model
        base-url: %s
        retries: 0
        cache: %s
      recorded: {kind: recorded, file: perfect.jsonl}
    scorers:
      text: rouge-l
    """
        .formatted(server.address(), folder.resolve(cache));
  }

  private static final Map<String, String> KEY = Map.of("ANTHROPIC_API_KEY", "k");

  @Test
  void aBrokenOffComparisonGoesOn() throws IOException {
    var down = new boolean[] {true};
    var answered = new int[1];
    try (var server =
        new ChatServer(_ ->
            down[0] && answered[0]++ >= 10 ? new Behaviour.Fails(500) : new Behaviour.Says("{}"))) {
      Scorecard first = run(live(server, "cache"), false, KEY).orElseThrow();
      assertThat(first.standings().getFirst().answered()).isEqualTo(10);
      assertThat(first.standings().getFirst().failures()).isNotEmpty();
      int asked = server.seen.size();

      down[0] = false;
      Scorecard second = run(live(server, "other-cache"), false, KEY).orElseThrow();
      assertThat(second.standings().getFirst().answered()).isEqualTo(30);
      assertThat(server.seen.size() - asked).as("only what was missing").isEqualTo(20);

      assertThatThrownBy(
              () -> run(live(server, "cache").replace("some-model", "other-model"), false, KEY))
          .hasMessageContaining("has answers of other settings")
          .hasMessageContaining("--fresh");
    }
  }

  @Test
  void nobodyIsAskedForMoneyWithoutLeave() throws IOException {
    try (var server = new ChatServer(_ -> new Behaviour.Says("{}"))) {
      String paid = live(server, "cache").replace(server.address(), "https://example.invalid");
      assertThatThrownBy(() -> run(paid, false, KEY))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("claude: 30 requests, about")
          .hasMessageContaining("Say --yes");
      assertThatThrownBy(() -> run(live(server, "cache"), false, Map.of()))
          .hasMessageContaining("the environment variable ANTHROPIC_API_KEY is not set");
    }
  }

  @Test
  void aJudgeIsAskedInBothOrders() throws IOException {
    // Prefers the longer answer, and the first of two that are about as long.
    try (var server =
        new ChatServer(request -> {
          String text = request.body().at("/messages/0/content").asString();
          int first = text.indexOf("</first>") - text.indexOf("<first>");
          int second = text.indexOf("</second>") - text.indexOf("<second>");
          return new Behaviour.Says(
              "Reason.\n" + (Math.abs(first - second) < 12 || first > second ? "FIRST" : "SECOND"));
        })) {
      Files.writeString(
          folder.resolve("human.jsonl"),
          "{\"id\":\"v01\",\"contestant\":\"adapter\",\"preferred\":\"tie\"}\n"
              + "{\"id\":\"v07\",\"contestant\":\"adapter\",\"preferred\":\"baseline\"}\n");
      String yaml =
          RECORDED.replace(
                  "prices:",
                  """
                  judges:
                    judge-model: {kind: claude, model: j, base-url: "%s", retries: 0, cache: %s}
                  prices:\
                  """
                      .formatted(server.address(), folder.resolve("cache")))
              + "scorers:\n  better: {kind: judge, by: judge-model, rubric: longer, human:"
              + " human.jsonl}\n";

      assertThatThrownBy(() -> run(yaml.replace("by: judge-model", "by: adapter"), false, KEY))
          .hasMessageContaining("scorers.better.by: 'adapter' is neither one of judges");
      Scorecard card = run(yaml, false, KEY).orElseThrow();

      assertThat(card.contestants()).containsExactly("claude", "adapter");
      Figure better = figure(card, "better");
      assertThat(better.means()).doesNotContainKey("claude");
      // Both answers are the same: the judge says FIRST twice, which is a tie.
      Marks tie =
          Objects.requireNonNull(card.scored().getFirst().marks().get("adapter"))
              .getFirst()
              .orElseThrow();
      assertThat(tie.marks().getFirst().value()).isEqualTo(0.5);
      assertThat(card.notes()).anyMatch(it -> it.contains("agrees with a person on 2 of 2 pairs"));
    }
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
    Optional<String> browser =
        Stream.of("chromium", "chromium-browser", "google-chrome")
            .flatMap(name ->
                Stream.of(System.getenv("PATH").split(":")).map(path -> Path.of(path, name)))
            .filter(Files::isExecutable)
            .map(Path::toString)
            .findFirst();
    Assumptions.assumeTrue(browser.isPresent(), "no Chromium: the page is not opened");
    Path page = folder.resolve("scorecard.html");
    Files.writeString(page, ScorecardPage.of(run(RECORDED + SCORERS)));
    Path dom = folder.resolve("dom.html");
    Process process =
        new ProcessBuilder(
                browser.get(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--user-data-dir=" + folder.resolve("profile"),
                "--dump-dom",
                page.toUri().toString())
            .redirectOutput(dom.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(Files.readString(dom))
        .contains("30 of 30 examples", "1 to 25", "<strong>v25</strong>");
  }
}
