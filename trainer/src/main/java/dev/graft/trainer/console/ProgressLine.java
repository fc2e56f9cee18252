package dev.graft.trainer.console;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Turns steps into lines: every step where the line is live, with a bar that fills what room the
 * terminal has; else few enough for a log. The time left goes by the mean of the latest steps; the
 * first, in which everything warms up, does not count.
 */
final class ProgressLine {

  private static final Duration LOG_INTERVAL = Duration.ofSeconds(10);
  private static final int LOG_LINES = 10;

  /** The share that the newest step has in the mean. */
  private static final double NEWEST = 0.1;

  private static final int LONGEST_BAR = 30;
  private static final int SHORTEST_BAR = 5;

  private final boolean live;
  private final int width;
  private final LongSupplier nanoTime;
  private long lastStepAt;
  private long lastLineAt;
  private int lastLineStep;
  private int timedSteps;
  private double secondsPerStep;

  /**
   * @param width columns of the terminal, where the line is live
   */
  ProgressLine(boolean live, int width, LongSupplier nanoTime) {
    this.live = live;
    this.width = width;
    this.nanoTime = nanoTime;
    this.lastStepAt = nanoTime.getAsLong();
    this.lastLineAt = lastStepAt;
  }

  /** The line to show after a step, if this step is one to show. */
  Optional<String> after(StepProgress progress) {
    long now = nanoTime.getAsLong();
    measure((now - lastStepAt) / 1e9);
    lastStepAt = now;
    if (!live && !isWorthALine(progress, now)) {
      return Optional.empty();
    }
    lastLineAt = now;
    lastLineStep = progress.step();
    List<String> parts = parts(progress);
    return Optional.of(live ? liveLine(progress, parts) : String.join("  ", parts));
  }

  private void measure(double seconds) {
    timedSteps++;
    if (timedSteps == 2) {
      secondsPerStep = seconds;
    } else if (timedSteps > 2) {
      // A plain mean at first, so that an early step does not weigh for long.
      double weight = Math.max(NEWEST, 1.0 / (timedSteps - 1));
      secondsPerStep += weight * (seconds - secondsPerStep);
    }
  }

  private boolean isWorthALine(StepProgress progress, long now) {
    int every = Math.max(1, progress.totalSteps() / LOG_LINES);
    return lastLineStep == 0
        || progress.step() == progress.totalSteps()
        || progress.step() / every > lastLineStep / every
        || now - lastLineAt >= LOG_INTERVAL.toNanos();
  }

  private List<String> parts(StepProgress progress) {
    int digits = Integer.toString(progress.totalSteps()).length();
    List<String> parts = new ArrayList<>();
    parts.add(
        String.format(
            Locale.ROOT, "step %" + digits + "d/%d", progress.step(), progress.totalSteps()));
    parts.add(String.format(Locale.ROOT, "epoch %.2f", progress.epoch()));
    parts.add(String.format(Locale.ROOT, "loss %.4f", progress.loss()));
    parts.add(String.format(Locale.ROOT, "lr %.1e", progress.learningRate()));
    parts.add(String.format(Locale.ROOT, "%,.0f tokens/s", progress.tokensPerSecond()));
    int left = progress.totalSteps() - progress.step();
    if (left > 0 && timedSteps > 1) {
      parts.add(clock(Math.round(left * secondsPerStep)) + " left");
    }
    return parts;
  }

  /** The bar, and what fits beside it: where that is not all, the time left is worth more. */
  private String liveLine(StepProgress progress, List<String> parts) {
    List<String> fitting = new ArrayList<>(parts);
    for (String dispensable : List.of("lr ", "epoch ", "tokens/s")) {
      if (length(fitting) >= width) {
        fitting.removeIf(part -> part.contains(dispensable));
      }
    }
    String text = String.join("  ", fitting);
    int room = Math.min(LONGEST_BAR, width - text.length() - 4);
    return room < SHORTEST_BAR ? text : bar(progress, room) + "  " + text;
  }

  private static int length(List<String> parts) {
    return parts.stream().mapToInt(part -> part.length() + 2).sum();
  }

  private static String bar(StepProgress progress, int cells) {
    double share = Math.min(1, progress.step() / (double) progress.totalSteps());
    int full = (int) (share * cells);
    return "[" + "#".repeat(full) + "-".repeat(cells - full) + "]";
  }

  /** {@code 0:42}, {@code 12:05} or {@code 3:07:09}. */
  static String clock(long seconds) {
    long hours = seconds / 3600;
    long minutes = seconds / 60 % 60;
    return hours > 0
        ? String.format(Locale.ROOT, "%d:%02d:%02d", hours, minutes, seconds % 60)
        : String.format(Locale.ROOT, "%d:%02d", minutes, seconds % 60);
  }
}
