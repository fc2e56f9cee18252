package dev.graft.trainer.runs;

import dev.graft.trainer.config.UserException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What {@code metrics.jsonl} says, of a run that is over or still goes on.
 *
 * @param steps in order
 * @param evaluations in order; the first, of step 0, is of the base model
 */
public record Metrics(List<StepMetrics> steps, List<EvaluationMetrics> evaluations) {

  public Metrics {
    steps = List.copyOf(steps);
    evaluations = List.copyOf(evaluations);
  }

  /**
   * Reads the file. A last line without its end is one that is being written, or that a crash cut
   * off: it is left out. A number that was not finite ({@code null}) is NaN.
   *
   * @throws UserException if it cannot be read or another line is damaged, by its number
   */
  public static Metrics read(Path file) {
    var steps = new ArrayList<StepMetrics>();
    var evaluations = new ArrayList<EvaluationMetrics>();
    JsonLines.read(
        file,
        "metrics",
        text -> {
          JsonNode line = JsonMapper.shared().readTree(text);
          switch (line.path("kind").asString("")) {
            case "step" -> steps.add(step(line));
            case "evaluation" -> evaluations.add(evaluation(line));
            default -> {} // a later version may say more
          }
        });
    return new Metrics(steps, evaluations);
  }

  private static StepMetrics step(JsonNode line) {
    return new StepMetrics(
        line.required("step").intValue(),
        number(line, "epoch"),
        number(line, "loss"),
        number(line, "grad_norm"),
        number(line, "learning_rate"),
        line.required("target_tokens").longValue(),
        line.required("tokens").longValue(),
        number(line, "tokens_per_second"),
        line.path("skipped").asBoolean(false));
  }

  private static EvaluationMetrics evaluation(JsonNode line) {
    return new EvaluationMetrics(
        line.required("step").intValue(),
        number(line, "epoch"),
        number(line, "loss"),
        line.required("target_tokens").longValue(),
        number(line, "seconds"));
  }

  private static double number(JsonNode line, String key) {
    JsonNode value = line.required(key);
    return value.isNull() ? Double.NaN : value.doubleValue();
  }
}
