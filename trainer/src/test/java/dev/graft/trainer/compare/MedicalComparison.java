package dev.graft.trainer.compare;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.scorecard.Figure;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.statistics.Difference;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Comparisons on the thirty medical answers. */
abstract class MedicalComparison {

  static final String SCORERS =
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

  List<JsonNode> rows = List.of();

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
    try (InputStream in = MedicalComparison.class.getResourceAsStream("medical.jsonl")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(line -> JsonMapper.shared().readTree(line))
          .toList();
    }
  }

  private static String line(Map<String, Object> row) {
    return JsonMapper.shared().writeValueAsString(new LinkedHashMap<>(row)) + "\n";
  }

  static final String RECORDED =
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

  Scorecard run(String yaml) throws IOException {
    return run(yaml, false, Map.of()).orElseThrow();
  }

  Optional<Scorecard> run(String yaml, boolean paid, Map<String, String> environment)
      throws IOException {
    Path file = Files.writeString(folder.resolve("compare.yaml"), yaml);
    return new Comparison(
            CompareConfig.read(file, List.of()),
            new Comparison.Options(
                folder.resolve("out"), paid, false, environment, new StopSignal()),
            Console.silent())
        .run();
  }

  static Figure figure(Scorecard card, String name) {
    return card.figures().stream().filter(it -> it.name().equals(name)).findFirst().orElseThrow();
  }

  static double mean(Figure figure, String name) {
    return Objects.requireNonNull(figure.means().get(name)).estimate();
  }

  static Difference difference(Figure figure, String name) {
    return Objects.requireNonNull(figure.differences().get(name));
  }
}
