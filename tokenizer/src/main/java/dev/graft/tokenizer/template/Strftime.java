package dev.graft.tokenizer.template;

import java.time.Clock;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** {@code datetime.now().strftime(format)} in the C locale. */
final class Strftime {
  private Strftime() {}

  static String format(String format, Clock clock) {
    LocalDateTime now = LocalDateTime.now(clock).truncatedTo(ChronoUnit.MICROS);
    StringBuilder out = new StringBuilder();
    for (int at = 0; at < format.length(); at++) {
      char c = format.charAt(at);
      if (c != '%') {
        out.append(c);
      } else if (at + 1 == format.length()) {
        out.append('%');
      } else {
        at++;
        boolean unpadded = format.charAt(at) == '-' && at + 1 < format.length();
        if (unpadded) {
          at++;
        }
        String field = field(format.charAt(at), now);
        out.append(unpadded ? strip(field) : field);
      }
    }
    return out.toString();
  }

  /** glibc's {@code %-d}: no zeros or blanks in front. */
  private static String strip(String field) {
    String stripped = field.replaceFirst("^[0 ]+(?=.)", "");
    return stripped;
  }

  private static String field(char directive, LocalDateTime now) {
    return switch (directive) {
      case '%' -> "%";
      case 'n' -> "\n";
      case 't' -> "\t";
      case 'a' -> now.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'A' -> now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' ->
          now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
      case 'B' -> now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'c' ->
          field('a', now)
              + " "
              + field('b', now)
              + " "
              + field('e', now)
              + " "
              + field('T', now)
              + " "
              + field('Y', now);
      case 'C' -> number(now.getYear() / 100, 2);
      case 'd' -> number(now.getDayOfMonth(), 2);
      case 'D', 'x' -> pattern(now, "MM/dd/yy");
      case 'e' -> String.format(Locale.ROOT, "%2d", now.getDayOfMonth());
      case 'F' -> pattern(now, "yyyy-MM-dd");
      case 'f' -> number(now.getNano() / 1000, 6);
      case 'G' -> number(now.get(IsoFields.WEEK_BASED_YEAR), 1);
      case 'g' -> number(now.get(IsoFields.WEEK_BASED_YEAR) % 100, 2);
      case 'H' -> number(now.getHour(), 2);
      case 'I' -> number((now.getHour() + 11) % 12 + 1, 2);
      case 'j' -> number(now.getDayOfYear(), 3);
      case 'k' -> String.format(Locale.ROOT, "%2d", now.getHour());
      case 'l' -> String.format(Locale.ROOT, "%2d", (now.getHour() + 11) % 12 + 1);
      case 'm' -> number(now.getMonthValue(), 2);
      case 'M' -> number(now.getMinute(), 2);
      case 'p' -> now.getHour() < 12 ? "AM" : "PM";
      case 'P' -> now.getHour() < 12 ? "am" : "pm";
      case 'r' -> pattern(now, "hh:mm:ss ") + field('p', now);
      case 'R' -> pattern(now, "HH:mm");
      case 'S' -> number(now.getSecond(), 2);
      case 'T', 'X' -> pattern(now, "HH:mm:ss");
      case 'u' -> number(now.getDayOfWeek().getValue(), 1);
      case 'U' -> number((now.getDayOfYear() + 6 - now.getDayOfWeek().getValue() % 7) / 7, 2);
      case 'V' -> number(now.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2);
      case 'w' -> number(now.getDayOfWeek().getValue() % 7, 1);
      case 'W' -> number((now.getDayOfYear() + 6 - (now.getDayOfWeek().getValue() + 6) % 7) / 7, 2);
      case 'y' -> number(now.getYear() % 100, 2);
      case 'Y' -> number(now.getYear(), 1);
      // datetime.now() knows no time zone: both are empty.
      case 'z', 'Z' -> "";
      default -> throw PyError.unsupported("strftime_now with '%" + directive + "'");
    };
  }

  private static String number(int value, int digits) {
    return String.format(Locale.ROOT, "%0" + digits + "d", value);
  }

  private static String pattern(LocalDateTime now, String pattern) {
    return now.format(DateTimeFormatter.ofPattern(pattern, Locale.ROOT));
  }
}
