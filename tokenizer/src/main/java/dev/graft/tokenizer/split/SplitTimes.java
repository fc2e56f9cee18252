package dev.graft.tokenizer.split;

import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.Origin;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.util.List;
import java.util.regex.Pattern;

/** The values of a time field as numbers that can be compared. */
final class SplitTimes {
  private static final Pattern NUMBER =
      Pattern.compile("-?\\d{1,18}(?:\\.\\d{1,18})?(?:[eE]\\d{1,2})?");
  private static final Pattern MONTH = Pattern.compile("\\d{4}-\\d{2}");
  private static final Pattern DAY = Pattern.compile("\\d{4}-\\d{2}-\\d{2}");
  private static final Pattern OFFSET = Pattern.compile(".*(?:Z|[+-]\\d{2}:?\\d{2})");

  /** A value and the row that has it. */
  record Time(Origin origin, String text) {}

  private SplitTimes() {}

  /**
   * Numbers as they are, or dates as seconds since 1970; without an offset a date is taken as UTC.
   *
   * @throws DataException if a value is neither, or of another kind than the first
   */
  static double[] of(String field, List<Time> values) {
    boolean numbers = NUMBER.matcher(values.getFirst().text()).matches();
    double[] times = new double[values.size()];
    for (int i = 0; i < times.length; i++) {
      String text = values.get(i).text().strip();
      try {
        if (numbers != NUMBER.matcher(text).matches()) {
          throw new DateTimeException("of another kind");
        }
        times[i] = numbers ? Double.parseDouble(text) : seconds(text.replace(' ', 'T'));
      } catch (DateTimeException e) {
        throw new DataException(
            values.get(i).origin(),
            "\"%s\" is %s, %s. Bring the field into one form."
                .formatted(
                    field,
                    text.length() > 40 ? text.substring(0, 40) + "…" : text,
                    numbers ? "not a number as before" : "not a date like 2026-01-31"),
            e);
      }
    }
    return times;
  }

  private static double seconds(String text) {
    Instant instant;
    if (MONTH.matcher(text).matches()) {
      instant = YearMonth.parse(text).atDay(1).atStartOfDay(ZoneOffset.UTC).toInstant();
    } else if (DAY.matcher(text).matches()) {
      instant = LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
    } else if (OFFSET.matcher(text).matches()) {
      instant =
          OffsetDateTime.parse(text.replaceFirst("([+-]\\d{2})(\\d{2})$", "$1:$2")).toInstant();
    } else {
      instant = LocalDateTime.parse(text).toInstant(ZoneOffset.UTC);
    }
    return instant.getEpochSecond() + instant.getNano() / 1e9;
  }
}
