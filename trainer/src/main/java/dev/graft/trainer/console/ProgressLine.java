package dev.graft.trainer.console;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Turns steps into lines: every step where the line is live, else few enough for a log. The time
 * left goes by the mean of the latest steps; the first, in which everything warms up, does not
 * count.
 */
final class ProgressLine {

  private static final Duration LOG_INTERVAL = Duration.ofSeconds(10);
  private static final int LOG_LINES = 10;

  /** The share that the newest step has in the mean. */
  private static final double NEWEST = 0.1;

  private final boolean live;
  private final LongSupplier nanoTime;
  private long lastStepAt;
  private long lastLineAt;
  private int lastLineStep;
  private int timedSteps;
  private double secondsPerStep;

  ProgressLine(boolean live, LongSupplier nanoTime) {
    this.live = live;
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
    return Optional.of(format(progress));
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

  private String format(StepProgress progress) {
    int width = Integer.toString(progress.totalSteps()).length();
    String line =
        String.format(
            Locale.ROOT,
            "step %" + width + "d/%d  epoch %.2f  loss %.4f  %,.0f tokens/s",
            progress.step(),
            progress.totalSteps(),
            progress.epoch(),
            progress.loss(),
            progress.tokensPerSecond());
    int left = progress.totalSteps() - progress.step();
    return left > 0 && timedSteps > 1
        ? line + "  " + clock(Math.round(left * secondsPerStep)) + " left"
        : line;
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
