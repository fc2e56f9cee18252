package dev.graft.trainer.train;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What a run would take, without running it.
 *
 * @param memory by class
 * @param peak all of it, in bytes, mapped weights aside
 * @param mapped the base weights' files, in bytes; they are best in memory, too
 * @param onDevice whether memory is that of a device which has its own
 * @param available what this machine, or the device, can give, the planning process's own share
 *     included; absent where the operating system does not say
 * @param epochTokens tokens of one pass over the data
 * @param totalSteps optimizer steps of the run
 * @param stepsPerEpoch optimizer steps of one pass over the data
 * @param tokensPerSecond measured, or the most that is possible; absent where nothing was measured
 * @param measured whether that rate is of real micro-batches, or of bare products
 * @param options that lower the peak, the cheapest first
 */
public record RunEstimate(
    Map<String, Long> memory,
    long peak,
    long mapped,
    boolean onDevice,
    OptionalLong available,
    long epochTokens,
    int totalSteps,
    int stepsPerEpoch,
    OptionalDouble tokensPerSecond,
    boolean measured,
    List<Option> options) {

  /**
   * A way to need less memory.
   *
   * @param setting what to put into the configuration
   * @param peak bytes with it
   * @param cost what it costs, in words
   */
  public record Option(String setting, long peak, String cost) {}

  public RunEstimate {
    options = List.copyOf(options);
  }

  /** Whether the peak is within what the machine can give. */
  public boolean fits() {
    return peak <= available.orElse(Long.MAX_VALUE);
  }

  /** Whether an option's is. */
  public boolean fits(Option option) {
    return option.peak <= available.orElse(Long.MAX_VALUE);
  }

  /** Seconds of training steps for one pass over the data. */
  public OptionalDouble epochSeconds() {
    return tokensPerSecond.isPresent()
        ? OptionalDouble.of(epochTokens / tokensPerSecond.getAsDouble())
        : OptionalDouble.empty();
  }

  /** Lines for a person. */
  public String table() {
    var text = new StringBuilder();
    memory.forEach((name, bytes) -> add(text, "%-36s %10s", name, megabytes(bytes)));
    add(text, "%-36s %10s", "peak", megabytes(peak));
    add(
        text,
        "%-36s %10s  (%s)",
        "base weights, mapped",
        megabytes(mapped),
        onDevice
            ? "of the machine's memory, while they are read"
            : "read where they lie, not allocated");
    text.append('\n');
    if (available.isEmpty()) {
      add(text, "fits     unknown: this system does not say how much memory is free");
    } else {
      add(
          text,
          "fits     %s: %s of %s that this %s can give%s",
          fits() ? "yes" : "no",
          megabytes(peak),
          megabytes(available.getAsLong()),
          onDevice ? "card" : "machine",
          !onDevice && fits() && peak + mapped > available.getAsLong()
              ? "; the base weights will not all stay in memory, which is slow"
              : "");
    }
    if (tokensPerSecond.isPresent()) {
      double perEpoch = epochSeconds().getAsDouble();
      add(
          text,
          "time     %s%s an epoch (%,d tokens at %,.1f a second%s), %s for all %,d steps; training"
              + " steps only",
          measured ? "" : "at least ",
          duration(perEpoch),
          epochTokens,
          tokensPerSecond.getAsDouble(),
          measured ? ", measured" : ", the rate of bare products",
          duration(perEpoch * totalSteps / stepsPerEpoch),
          totalSteps);
    }
    if (!options.isEmpty()) {
      text.append('\n');
      add(
          text,
          fits()
              ? "less memory, the cheapest first:"
              : "what would make it fit, the cheapest first:");
      for (Option option : options) {
        add(
            text,
            "  --set %-46s %10s  %s%s",
            option.setting,
            megabytes(option.peak),
            option.cost,
            fits(option) ? "" : "; does not fit either");
      }
    }
    return text.toString();
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
  }

  private static String duration(double seconds) {
    if (seconds < 60) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long minutes = Math.round(seconds / 60);
    return minutes < 60
        ? minutes + " min"
        : String.format(Locale.ROOT, "%d h %02d min", minutes / 60, minutes % 60);
  }

  private static void add(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
