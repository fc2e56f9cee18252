package dev.graft.trainer.runs;

import java.nio.file.Path;

/**
 * Writes {@code metrics.jsonl}: a line per optimizer step and per evaluation, numbers in full
 * precision. {@link Metrics} reads it.
 */
public final class MetricsWriter implements AutoCloseable {

  private final JsonLines lines;

  private MetricsWriter(JsonLines lines) {
    this.lines = lines;
  }

  /**
   * Opens the file, which is appended to if it exists, and locks it until it is closed.
   *
   * @throws dev.graft.trainer.config.UserException if another run writes to it
   */
  public static MetricsWriter open(Path file) {
    return new MetricsWriter(JsonLines.open(file));
  }

  /** Writes the line of a step. */
  public void step(StepMetrics step) {
    JsonLine line =
        new JsonLine("step")
            .put("step", step.step())
            .put("epoch", step.epoch())
            .put("loss", step.loss())
            .put("grad_norm", step.gradNorm())
            .put("learning_rate", step.learningRate())
            .put("target_tokens", step.targetTokens())
            .put("tokens", step.tokens())
            .put("tokens_per_second", step.tokensPerSecond());
    lines.add(step.skipped() ? line.put("skipped", true).finish() : line.finish());
  }

  /** Writes the line of an evaluation. */
  public void evaluation(EvaluationMetrics evaluation) {
    lines.add(
        new JsonLine("evaluation")
            .put("step", evaluation.step())
            .put("epoch", evaluation.epoch())
            .put("loss", evaluation.loss())
            .put("perplexity", evaluation.perplexity())
            .put("target_tokens", evaluation.targetTokens())
            .put("seconds", evaluation.seconds())
            .finish());
  }

  /** Brings all lines to the disk and says how many bytes they are. */
  public long flush() {
    return lines.flush();
  }

  /**
   * Takes away the lines after so many bytes, which a run that goes on will write again.
   *
   * @return whether that many bytes were there
   */
  public boolean cut(long bytes) {
    return lines.cut(bytes);
  }

  @Override
  public void close() {
    lines.close();
  }

  /** Whether somebody, in this process or another, has the file open for writing metrics. */
  static boolean isBeingWritten(Path file) {
    return JsonLines.isBeingWritten(file);
  }

  /** A JSON object in one line; a double reads back as the same double. */
  private static final class JsonLine {

    private final StringBuilder json;

    JsonLine(String kind) {
      json = new StringBuilder("{\"kind\":\"").append(kind).append('"');
    }

    JsonLine put(String key, long value) {
      json.append(",\"").append(key).append("\":").append(value);
      return this;
    }

    JsonLine put(String key, boolean value) {
      json.append(",\"").append(key).append("\":").append(value);
      return this;
    }

    /** JSON has no NaN and no infinity: null stands for them. */
    JsonLine put(String key, double value) {
      json.append(",\"").append(key).append("\":");
      json.append(Double.isFinite(value) ? Double.toString(value) : "null");
      return this;
    }

    String finish() {
      return json.append('}').toString();
    }
  }
}
