package dev.graft.trainer.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.compare.ChatServer.Behaviour;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.scorecard.Figure;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.ScorecardTable;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Contestants and judges behind a server that is as good or bad as a test wants. */
class RemoteComparisonTest extends MedicalComparison {

  private static final String LIVE =
      """
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
      """;

  private String live(ChatServer server, String cache) {
    return LIVE.formatted(server.address(), folder.resolve(cache));
  }

  private static final Map<String, String> KEY = Map.of("ANTHROPIC_API_KEY", "k");

  @Test
  void aBrokenOffComparisonGoesOn() throws IOException {
    var down = new boolean[] {true};
    var answered = new AtomicInteger();
    try (var server =
        new ChatServer(_ ->
            down[0] && answered.getAndIncrement() >= 10
                ? new Behaviour.Fails(500)
                : new Behaviour.Says("{}"))) {
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
          .hasMessageContaining("is of other settings")
          .hasMessageContaining("--fresh");
    }
  }

  /** Each way of not answering, by the number of the visit that is asked about. */
  private static Behaviour unreliable(String question) {
    return switch (question) {
      case "Note of visit v03" -> new Behaviour.Fails(500);
      case "Note of visit v06" -> new Behaviour.Fails(429);
      case "Note of visit v09" -> new Behaviour.BreaksOff();
      case "Note of visit v12" -> new Behaviour.Sleeps(2500);
      case "Note of visit v15" -> new Behaviour.Babbles();
      default -> new Behaviour.Says("no JSON");
    };
  }

  @Test
  void failuresOfAServerAreCountedAndNeverScored() throws IOException {
    try (var server =
        new ChatServer(
            request -> unreliable(request.body().at("/messages/0/content").asString()))) {
      String yaml = live(server, "cache").replace("retries: 0", "retries: 0\n    timeout: 1");
      Scorecard card = run(yaml.replace("text: rouge-l", "same: exact"), false, KEY).orElseThrow();

      String at = server.address();
      assertThat(card.standings().getFirst().answered()).isEqualTo(25);
      assertThat(card.standings().getFirst().failures())
          .containsOnly(
              Map.entry("HTTP 500 from " + at, 1),
              Map.entry("HTTP 429: too many requests, after all retries", 1),
              Map.entry("the answer broke off at " + at, 1),
              Map.entry("no answer in time at " + at, 1),
              Map.entry("the answer cannot be read at " + at, 1));
      Figure same = figure(card, "same");
      // All 25 answers are wrong, and the five that are missing are not.
      assertThat(same.measured()).containsEntry("claude", 25).containsEntry("recorded", 30);
      assertThat(mean(same, "claude")).isZero();
      assertThat(difference(same, "recorded").pairs()).isEqualTo(25);
      assertThat(ScorecardTable.of(card)).contains("no answer in time");
    }
  }

  @Test
  void whoNeverAnswersIsSaidAndNotScored() throws IOException {
    try (var server = new ChatServer(_ -> new Behaviour.Fails(401))) {
      assertThatThrownBy(() -> run(live(server, "cache"), false, KEY))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("claude: gave no answer at all: ")
          .hasMessageContaining(
              "HTTP 401: %s refuses the key in ANTHROPIC_API_KEY".formatted(server.address()));
    }
    int port;
    try (var socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    String nobody = LIVE.formatted("http://127.0.0.1:" + port, folder.resolve("cache"));
    assertThatThrownBy(() -> run(nobody, false, KEY))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(
            "claude: gave no answer at all: nobody answers at http://127.0.0.1:" + port);
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
  void theEstimateIncludesTheJudgeBeforeAnybodyIsAsked() throws IOException {
    try (var server = new ChatServer(_ -> new Behaviour.Says("{}"))) {
      String yaml =
          live(server, "cache")
              + """
                better: {kind: judge, by: expert, rubric: shorter, limit: 10}
              judges:
                expert: {kind: claude, model: j, base-url: "https://example.invalid", retries: 0}
              prices:
                expert: {input: 1000, output: 5000}
              """;
      // Both orders of ten pairs: rubric and task, and three texts of a reference's length.
      long characters = 0;
      for (JsonNode row : rows.subList(0, 10)) {
        characters += 3L * row.get("reference").stringValue().length();
      }
      Throwable refused = catchThrowable(() -> run(yaml, false, KEY));
      assertThat(refused)
          .isInstanceOf(UserException.class)
          .hasMessageContaining("better, judged by expert: 20 requests")
          .hasMessageContaining("at the prices given. Say --yes to send them.");
      Matcher words =
          Pattern.compile("about ([\\d,]+) tokens to read and 1,200 to write, about ([\\d.]+) at")
              .matcher(String.valueOf(refused.getMessage()));
      assertThat(words.find()).isTrue();
      long tokens = Long.parseLong(words.group(1).replace(",", ""));
      assertThat(tokens).isBetween(2 * characters / 4, 2 * characters / 4 + 20 * 150);
      assertThat(Double.parseDouble(words.group(2)))
          .isCloseTo((tokens * 1000 + 1200 * 5000) / 1e6, within(0.01));
      assertThat(server.seen).as("the contestant was not asked either").isEmpty();
    }
  }

  @Test
  void aJudgeIsAskedSeveralAtATimeAndGivenUpWhenHopeless() throws Exception {
    var now = new AtomicInteger();
    var most = new AtomicInteger();
    try (var server =
            new ChatServer(_ -> {
              most.accumulateAndGet(now.incrementAndGet(), Math::max);
              pause(100);
              now.decrementAndGet();
              return new Behaviour.Says("TIE");
            });
        var closed = new ChatServer(_ -> new Behaviour.Fails(401))) {
      Scorecard card = run(judged(server, 4, 16), false, KEY).orElseThrow();
      assertThat(figure(card, "better").measured()).containsEntry("adapter", 16);
      assertThat(mean(figure(card, "better"), "adapter")).isEqualTo(0.5);
      assertThat(most.get()).isBetween(2, 4);

      Scorecard none = run(judged(closed, 1, 16), false, KEY).orElseThrow();
      assertThat(closed.seen).hasSize(1);
      assertThat(none.notes())
          .anySatisfy(it ->
              assertThat(it)
                  .contains("better: 16 pairs of adapter were not judged and do not count")
                  .contains("HTTP 401"));
      assertThat(figure(none, "better").measured()).containsEntry("adapter", 0);
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String judged(ChatServer server, int concurrency, int limit) {
    return RECORDED
        + """
        judges:
          j: {kind: claude, model: j, base-url: "%s", retries: 0, concurrency: %d, cache: %s}
        scorers:
          better: {kind: judge, by: j, rubric: "on %s", limit: %d}
        """
            .formatted(
                server.address(), concurrency, folder.resolve("cache"), server.address(), limit);
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
          """
          {"id":"v01","contestant":"adapter","preferred":"tie"}
          {"id":"v07","contestant":"adapter","preferred":"baseline"}
          """);
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
}
