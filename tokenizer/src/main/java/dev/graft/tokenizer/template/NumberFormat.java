package dev.graft.tokenizer.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/**
 * How Python lays out one number, in {@code %} formats and format specifications alike.
 *
 * @param sign {@code '-'}, {@code '+'} or {@code ' '}
 * @param alternate the {@code #} flag
 * @param precision digits, or -1 for the default of the kind
 * @param grouping {@code ','}, {@code '_'} or 0
 * @param kind the presentation type
 */
record NumberFormat(char sign, boolean alternate, int precision, char grouping, char kind) {
  private static final int MAX_PRECISION = 100_000;

  NumberFormat {
    if (precision > MAX_PRECISION) {
      throw PyError.limit("a precision of " + precision + " digits in a number format");
    }
  }

  String integer(BigInteger value) {
    String digits =
        switch (kind) {
          case 'x' -> value.abs().toString(16);
          case 'X' -> value.abs().toString(16).toUpperCase(Locale.ROOT);
          case 'o' -> value.abs().toString(8);
          case 'b' -> value.abs().toString(2);
          default -> value.abs().toString();
        };
    // Only "%" formats come here with a precision: the least number of digits.
    digits = "0".repeat(Math.max(0, precision - digits.length())) + digits;
    String prefix = alternate && "xXob".indexOf(kind) >= 0 ? "0" + kind : "";
    return signOf(value.signum() < 0) + prefix + group(digits, kind == 'd' || kind == 'n' ? 3 : 4);
  }

  private String signOf(boolean negative) {
    return negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
  }

  private String group(String digits, int size) {
    if (grouping == 0) {
      return digits;
    }
    StringBuilder out = new StringBuilder(digits);
    for (int at = digits.length() - size; at > 0; at -= size) {
      out.insert(at, grouping);
    }
    return out.toString();
  }

  /** A float with kind f, F, e, E, g, G, % or 0 (Python's default for floats). */
  String real(double value) {
    boolean negative = Double.doubleToRawLongBits(value) < 0 && !Double.isNaN(value);
    String body;
    if (Double.isNaN(value)) {
      body = "nan";
    } else if (Double.isInfinite(value)) {
      body = "inf";
    } else {
      body = finite(Math.abs(value));
    }
    if (kind == '%' && (Double.isNaN(value) || Double.isInfinite(value))) {
      body += "%";
    }
    if (Character.isUpperCase(kind)) {
      body = body.toUpperCase(Locale.ROOT);
    }
    return signOf(negative) + body;
  }

  private String finite(double value) {
    int digits = precision < 0 ? 6 : precision;
    String body =
        switch (kind) {
          case 'f', 'F' -> fixed(new BigDecimal(value), digits);
          case '%' -> fixed(new BigDecimal(value * 100), digits) + "%";
          case 'e', 'E' -> scientific(new BigDecimal(value), digits);
          case 'g', 'G', 'n' -> general(value, Math.max(1, digits), false);
          default ->
              precision < 0 ? Printer.real(value) : general(value, Math.max(1, digits), true);
        };
    int whole = 0;
    while (whole < body.length() && Character.isDigit(body.charAt(whole))) {
      whole++;
    }
    return group(body.substring(0, whole), 3) + body.substring(whole);
  }

  private String fixed(BigDecimal value, int digits) {
    String shown = value.setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
    return digits == 0 && alternate ? shown + "." : shown;
  }

  private String scientific(BigDecimal value, int digits) {
    BigDecimal rounded = value.round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
    String unscaled = rounded.unscaledValue().toString();
    int exponent = value.signum() == 0 ? 0 : unscaled.length() - rounded.scale() - 1;
    StringBuilder mantissa = new StringBuilder(unscaled);
    while (mantissa.length() < digits + 1) {
      mantissa.append('0');
    }
    mantissa.setLength(digits + 1);
    if (digits > 0 || alternate) {
      mantissa.insert(1, '.');
    }
    return mantissa + exponent(exponent);
  }

  private static String exponent(int exponent) {
    return (exponent < 0 ? "e-" : "e+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
  }

  /** {@code g}: the shorter of the two layouts; the default kind keeps a {@code .0}. */
  private String general(double value, int digits, boolean keepPoint) {
    BigDecimal rounded =
        new BigDecimal(value).round(new MathContext(digits, RoundingMode.HALF_EVEN));
    int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    int switchAt = keepPoint ? digits - 1 : digits;
    if (exponent < -4 || exponent >= switchAt) {
      String shown = scientific(new BigDecimal(value), digits - 1);
      int e = shown.indexOf('e');
      return (alternate ? shown.substring(0, e) : trim(shown.substring(0, e))) + shown.substring(e);
    }
    String shown = fixed(rounded, Math.max(0, digits - 1 - exponent));
    String trimmed = alternate ? shown : trim(shown);
    return keepPoint && trimmed.indexOf('.') < 0 ? trimmed + ".0" : trimmed;
  }

  private static String trim(String shown) {
    if (shown.indexOf('.') < 0) {
      return shown;
    }
    int end = shown.length();
    while (shown.charAt(end - 1) == '0') {
      end--;
    }
    return shown.substring(0, shown.charAt(end - 1) == '.' ? end - 1 : end);
  }
}
