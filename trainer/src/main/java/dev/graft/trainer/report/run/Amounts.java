package dev.graft.trainer.report.run;

import java.util.Locale;
import java.util.Optional;

/** Quantities as a person reads them. */
public final class Amounts {

  private Amounts() {}

  /** {@code 0.84 s}, {@code 12 s}, {@code 3 min 20 s}, {@code 2 h 05 min}. */
  public static String seconds(double seconds) {
    if (seconds < 10) {
      return String.format(Locale.ROOT, "%.2f s", seconds);
    }
    long whole = Math.round(seconds);
    if (whole < 60) {
      return whole + " s";
    } else if (whole < 3600) {
      return "%d min %02d s".formatted(whole / 60, whole % 60);
    }
    return String.format(Locale.ROOT, "%,d h %02d min", whole / 3600, whole / 60 % 60);
  }

  /** {@code 512 bytes}, {@code 1.5 kB}, {@code 640.0 MB}, {@code 16.2 GB}. */
  public static String bytes(long bytes) {
    if (bytes < 1000) {
      return bytes + " bytes";
    }
    double value = bytes / 1e3;
    int unit = 0;
    while (value >= 999.95 && unit < 3) {
      value /= 1e3;
      unit++;
    }
    return String.format(
        Locale.ROOT, "%.1f %s", value, new String[] {"kB", "MB", "GB", "TB"}[unit]);
  }

  /** A loss or the like, to four places; a dash for one that is not finite. */
  public static String loss(double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, "%.4f", value) : "–";
  }

  /** The same, where there may be none. */
  public static String loss(Optional<Double> value) {
    return value.map(Amounts::loss).orElse("–");
  }

  /** A count, {@code 12,345}. */
  public static String count(long count) {
    return String.format(Locale.ROOT, "%,d", count);
  }
}
