package dev.graft.trainer.compare.junit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.testkit.engine.EventConditions.event;
import static org.junit.platform.testkit.engine.EventConditions.finishedSuccessfully;
import static org.junit.platform.testkit.engine.EventConditions.test;

import dev.graft.trainer.compare.scorecard.Scorecard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

/** Test classes that are gated by a comparison, run by JUnit itself. */
class AdapterQualityTest {

  private static final String CONFIG = "target/adapter-quality-test/compare.yaml";

  @AdapterQuality(config = CONFIG, output = "target/adapter-quality-test/out")
  static class Gated {
    @Test
    void getsTheScorecard(Scorecard card) {
      assertThat(card.contestants()).containsExactly("good", "bad");
    }
  }

  @Test
  void aGoRunsTheTestsAndANoGoFailsTheClass() throws IOException {
    write("good");
    run()
        .assertThatEvents()
        .haveExactly(1, event(test("getsTheScorecard"), finishedSuccessfully()));

    write("bad");
    assertThat(run().failed().stream().map(Object::toString))
        .anyMatch(it -> it.contains("no-go: text is 0.000, at least 0.500 is needed"));
    assertThat(Path.of("target/adapter-quality-test/out/scorecard.html")).exists();
  }

  private static Events run() {
    return EngineTestKit.engine("junit-jupiter")
        .selectors(DiscoverySelectors.selectClass(Gated.class))
        .execute()
        .allEvents();
  }

  private static void write(String gated) throws IOException {
    Path folder = Files.createDirectories(Path.of(CONFIG).getParent());
    Files.writeString(
        folder.resolve("data.jsonl"),
        "{\"id\":\"1\",\"conversations\":[{\"role\":\"human\",\"content\":\"q\"},"
            + "{\"role\":\"assistant\",\"content\":\"a\"}]}\n");
    Files.writeString(folder.resolve("good.jsonl"), "{\"id\":\"1\",\"answer\":\"a\"}\n");
    Files.writeString(folder.resolve("bad.jsonl"), "{\"id\":\"1\",\"answer\":\"b\"}\n");
    Files.writeString(
        Path.of(CONFIG),
        """
        data: data.jsonl
        contestants:
          good: {kind: recorded, file: good.jsonl}
          bad: {kind: recorded, file: bad.jsonl}
        scorers: {text: exact}
        statistics: {resamples: 100}
        go:
          contestant: %s
          rules:
            text: {at-least: 0.5}
        """
            .formatted(gated));
  }
}
