package dev.graft.trainer.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.Conformance;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.scorecard.Figure;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.Standing;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real trained model, with and without an adapter, on real dialogues. */
@Tag("nightly")
class LocalComparisonTest {

  @TempDir Path folder;

  @Test
  void baseAndAdapterAnswerDialogues() throws Exception {
    Path model = Conformance.path("models/stories260K-hf");
    Path adapter = Conformance.path("lora-training/stories260K/final_adapter");
    Path data = Conformance.path("data/mts-dialog/test.conversations.jsonl");
    Path config =
        Files.writeString(
            folder.resolve("mts.yaml"),
            """
            data: %s
            limit: 16
            contestants:
              base: {kind: base, model: %s, max-tokens: 24}
              adapter: {kind: adapter, adapter: %s, model: %s, max-tokens: 24}
            scorers:
              header: {kind: exact, part: '^\\s*\\*\\*([^*]+)\\*\\*'}
              text: {kind: rouge-l, part: '(?s)^\\s*\\*\\*[^*]+\\*\\*\\s*(.*)'}
              whole: rouge-l
              likelihood: perplexity
            statistics: {resamples: 1000}
            precision: f32
            """
                .formatted(data, model, adapter, model));

    Scorecard first = run(config, Console.silent());

    // The model reads 512 tokens of about two characters: longer dialogues are missing, not wrong.
    Standing base = first.standings().getFirst();
    assertThat(base.answered()).isBetween(2, 15);
    assertThat(base.failures()).containsOnlyKeys("too long for the model");
    assertThat(base.failures().get("too long for the model")).isEqualTo(16 - base.answered());
    assertThat(first.figures().getFirst().measured()).containsEntry("base", base.answered());
    // It has learned stories: no headers, and few of a note's words.
    assertThat(mean(first.figures().getFirst(), "base")).isZero();
    assertThat(mean(first.figures().get(2), "base")).isBetween(0.0, 0.2);
    double perplexity = mean(first.figures().get(3), "base");
    assertThat(perplexity).isGreaterThan(5);

    // Nothing is asked or read again, and everything comes out the same.
    Path likelihoods = folder.resolve("out/likelihoods/base.jsonl");
    assertThat(likelihoods).content().contains("negative_log_likelihood");
    String kept = Files.readString(likelihoods);
    var said = new ByteArrayOutputStream();
    var out = new PrintStream(said, true, StandardCharsets.UTF_8);
    Scorecard second = run(config, new Console(out, System.err, false, false, System::nanoTime));
    assertThat(likelihoods).hasContent(kept);
    assertThat(said.toString(StandardCharsets.UTF_8))
        .contains("base: %d to answer, %d kept".formatted(16 - base.answered(), base.answered()))
        .doesNotContain("to read");
    assertThat(second.replies()).isEqualTo(first.replies());
    assertThat(mean(second.figures().get(3), "base")).isCloseTo(perplexity, within(1e-9));
  }

  private static double mean(Figure figure, String name) {
    return Objects.requireNonNull(figure.means().get(name)).estimate();
  }

  private Scorecard run(Path config, Console console) {
    return new Comparison(
            CompareConfig.read(config, List.of()),
            new Comparison.Options(folder.resolve("out"), false, false, Map.of(), new StopSignal()),
            console)
        .run()
        .orElseThrow();
  }
}
