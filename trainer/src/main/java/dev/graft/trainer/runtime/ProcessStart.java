package dev.graft.trainer.runtime;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** How long a command has been on its way to its first computation. */
public final class ProcessStart {

  /** Where the launcher says when it was called, in seconds since 1970. */
  private static final String LAUNCHED = "GRAFT_STARTED";

  /** Whoever inherited the variable from an older process was not launched then. */
  private static final double LONGEST_LAUNCH_SECONDS = 600;

  private ProcessStart() {}

  /** A line for a person. */
  public static String describe() {
    OptionalDouble seconds = seconds();
    return seconds.isEmpty()
        ? "now"
        : String.format(
            Locale.ROOT, "%.2f s from the command to the first computation", seconds.getAsDouble());
  }

  /** Seconds since the launcher was called, or since this process began where nothing says so. */
  public static OptionalDouble seconds() {
    Optional<Instant> began = ProcessHandle.current().info().startInstant();
    if (began.isEmpty()) {
      return OptionalDouble.empty();
    }
    double process = seconds(began.get());
    OptionalDouble launched = launched();
    // The launcher comes first, but not by much, or the variable is somebody else's.
    boolean launches =
        launched.isPresent()
            && launched.getAsDouble() >= process - 1
            && launched.getAsDouble() - process < LONGEST_LAUNCH_SECONDS;
    return OptionalDouble.of(launches ? launched.getAsDouble() : process);
  }

  private static OptionalDouble launched() {
    String text = System.getenv(LAUNCHED);
    if (text == null || text.isBlank()) {
      return OptionalDouble.empty();
    }
    try {
      // Some locales write the decimal point as a comma.
      double since1970 = Double.parseDouble(text.replace(',', '.'));
      return OptionalDouble.of(seconds(Instant.EPOCH) - since1970);
    } catch (NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }

  private static double seconds(Instant from) {
    return Duration.between(from, Instant.now()).toNanos() / 1e9;
  }
}
