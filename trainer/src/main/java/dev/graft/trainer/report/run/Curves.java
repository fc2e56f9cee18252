package dev.graft.trainer.report.run;

import dev.graft.trainer.report.LineChart.Point;
import dev.graft.trainer.report.LineChart.Series;
import dev.graft.trainer.report.LineChart.Style;
import dev.graft.trainer.runs.Metrics;
import dev.graft.trainer.runs.StepMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A run's metrics as curves over its steps.
 *
 * @param metrics of the run
 * @param suffix what stands behind the curves' names, to tell two runs apart; empty for one alone
 */
record Curves(Metrics metrics, String suffix) {

  /** Steps over which a smoothed curve forgets, at most; fewer in short runs. */
  private static final int SMOOTHING_STEPS = 20;

  /** One value of every step. */
  Series ofSteps(String name, ToDoubleFunction<StepMetrics> value, Style style, int colour) {
    return new Series(
        name + suffix,
        metrics.steps().stream()
            .map(step -> new Point(step.step(), value.applyAsDouble(step)))
            .toList(),
        style,
        colour);
  }

  /** The validation losses. */
  Series validation(int colour) {
    return new Series(
        "validation loss" + suffix,
        metrics.evaluations().stream().map(it -> new Point(it.step(), it.loss())).toList(),
        Style.DOTS,
        colour);
  }

  /** The training losses without their noise, each weighed by its target tokens. */
  Series smoothedLoss(int colour) {
    return smoothed("training loss, smoothed", StepMetrics::loss, colour);
  }

  /**
   * One value of every step without its noise: an exponential mean of the values so far, each
   * weighed by its step's target tokens, divided by the weights so far so that it does not start at
   * zero. Steps that made no update, and values that are not finite, have no part in it.
   */
  Series smoothed(String name, ToDoubleFunction<StepMetrics> value, int colour) {
    double keep = Math.exp(-1.0 / Math.clamp(metrics.steps().size() / 20, 1, SMOOTHING_STEPS));
    List<Point> points = new ArrayList<>();
    double sum = 0;
    double weight = 0;
    for (StepMetrics step : metrics.steps()) {
      double now = value.applyAsDouble(step);
      if (Double.isFinite(now) && !step.skipped() && step.targetTokens() > 0) {
        sum = keep * sum + (1 - keep) * step.targetTokens() * now;
        weight = keep * weight + (1 - keep) * step.targetTokens();
        points.add(new Point(step.step(), sum / weight));
      }
    }
    return new Series(name + suffix, points, Style.LINE, colour);
  }
}
