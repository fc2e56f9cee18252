package dev.graft.trainer.report;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/**
 * A scale whose marks are round numbers: steps of 1, 2 or 5 times a power of ten.
 *
 * @param low the first mark
 * @param high the last mark, above {@code low}
 * @param step between marks
 */
public record Ticks(double low, double high, double step) {

  /** A scale that holds both ends, with about so many marks. */
  public static Ticks covering(double least, double most, int about) {
    if (!Double.isFinite(least) || !Double.isFinite(most) || least > most) {
      throw new IllegalArgumentException("no scale from %s to %s".formatted(least, most));
    }
    double from = least;
    double to = most;
    // One value, or several that a double hardly tells apart: room on both sides.
    if (to - from <= 1e-9 * Math.max(Math.abs(from), Math.abs(to)) || to - from < 1e-300) {
      double room = from == 0 ? 1 : Math.abs(from) * 0.1;
      from -= room;
      to += room;
    }
    double raw = (to - from) / Math.max(1, about);
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double step =
        raw <= power
            ? power
            : raw <= 2 * power ? 2 * power : raw <= 5 * power ? 5 * power : 10 * power;
    return new Ticks(Math.floor(from / step) * step, Math.ceil(to / step) * step, step);
  }

  /** The marks. */
  public List<Double> marks() {
    var marks = new ArrayList<Double>();
    long count = Math.round((high - low) / step);
    for (long i = 0; i <= count; i++) {
      marks.add(low + i * step);
    }
    return marks;
  }

  /** Where a value stands, in per cent of the scale from its low end. */
  public double percent(double value) {
    return 100 * (value - low) / (high - low);
  }

  /** A mark in as many digits as tell it from its neighbours. */
  public String label(double mark) {
    int digits = Math.max(0, -(int) Math.floor(Math.log10(step) + 1e-9));
    if (Math.abs(mark) < step / 2) {
      return "0";
    }
    if (digits > 6 || Math.abs(mark) >= 1e7) {
      return "%.3g".formatted(mark);
    }
    return BigDecimal.valueOf(mark).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
  }
}
