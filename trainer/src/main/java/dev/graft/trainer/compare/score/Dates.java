package dev.graft.trainer.compare.score;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Dates as people write them: 2025-02-14 (also with / or ., with a time behind it, or 20250214),
 * 14.2.2025, 14 February 2025, 14th of Feb. 2025, February 14, 2025; months in English or German.
 * Three numbers with the year last are month, day, year where slashes part them and day, month,
 * year otherwise; the other way round where that alone is a date, or where {@code dayFirst} says
 * so. Years of two digits are 20xx up to 68 and 19xx beyond, as POSIX has it.
 */
final class Dates {

  private static final Pattern YEAR_FIRST =
      Pattern.compile("(\\d{4})([-/.])(\\d{1,2})\\2(\\d{1,2})(?:[T ].*)?");
  private static final Pattern COMPACT = Pattern.compile("(\\d{4})(\\d{2})(\\d{2})");
  private static final Pattern YEAR_LAST =
      Pattern.compile("(\\d{1,2})([-/.])\\s?(\\d{1,2})\\2\\s?(\\d{4}|\\d{2})(?:[T ].*)?");
  private static final Pattern DAY_NAME =
      Pattern.compile("(\\d{1,2})(?:st|nd|rd|th|\\.)?(?: of)?[ -](\\p{L}{3,9})\\.?,?[ -](\\d{4})");
  private static final Pattern NAME_DAY =
      Pattern.compile("(\\p{L}{3,9})\\.? (\\d{1,2})(?:st|nd|rd|th)?,? (\\d{4})");
  private static final List<List<String>> MONTHS =
      List.of(
          List.of("january", "januar", "jänner"),
          List.of("february", "februar"),
          List.of("march", "märz", "maerz"),
          List.of("april"),
          List.of("may", "mai"),
          List.of("june", "juni"),
          List.of("july", "juli"),
          List.of("august"),
          List.of("september"),
          List.of("october", "oktober"),
          List.of("november"),
          List.of("december", "dezember"));

  private Dates() {}

  /** The date that a text is; empty where it is none. */
  static Optional<LocalDate> parse(String text, boolean dayFirst) {
    String plain =
        text.strip()
            .replaceAll("\\s+", " ")
            .replaceFirst("^\\p{L}+day,? ", "")
            .toLowerCase(Locale.ROOT);
    Matcher m = YEAR_FIRST.matcher(plain.replace('t', 'T'));
    if (m.matches()) {
      return date(m.group(1), m.group(3), m.group(4));
    }
    m = COMPACT.matcher(plain);
    if (m.matches()) {
      return date(m.group(1), m.group(2), m.group(3));
    }
    m = YEAR_LAST.matcher(plain.replace('t', 'T'));
    if (m.matches()) {
      boolean day = dayFirst || !m.group(2).equals("/");
      String year = year(m.group(4));
      String one = m.group(1);
      String two = m.group(3);
      return (day ? date(year, two, one) : date(year, one, two))
          .or(() -> day ? date(year, one, two) : date(year, two, one));
    }
    m = DAY_NAME.matcher(plain);
    if (m.matches()) {
      return named(m.group(3), m.group(2), m.group(1));
    }
    m = NAME_DAY.matcher(plain);
    return m.matches() ? named(m.group(3), m.group(1), m.group(2)) : Optional.empty();
  }

  private static String year(String digits) {
    return digits.length() == 4 ? digits : (Integer.parseInt(digits) <= 68 ? "20" : "19") + digits;
  }

  private static Optional<LocalDate> named(String year, String month, String day) {
    for (int i = 0; i < MONTHS.size(); i++) {
      for (String name : MONTHS.get(i)) {
        if (name.startsWith(month) || (month.equals("sept") && i == 8)) {
          return date(year, String.valueOf(i + 1), day);
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<LocalDate> date(String year, String month, String day) {
    try {
      return Optional.of(
          LocalDate.of(Integer.parseInt(year), Integer.parseInt(month), Integer.parseInt(day)));
    } catch (DateTimeException _) {
      return Optional.empty();
    }
  }
}
