package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Filters.Filter;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.Real;
import dev.graft.tokenizer.template.Value.Undefined;
import java.math.BigInteger;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Filters that make numbers, and Python's {@code int()} and {@code float()} of text. */
final class NumberFilters {
  private static final Pattern FLOAT =
      Pattern.compile(
          "[+-]?(?:(?:\\d+(?:_\\d+)*)(?:\\.(?:\\d+(?:_\\d+)*)?)?|\\.\\d+(?:_\\d+)*)"
              + "(?:[eE][+-]?\\d+(?:_\\d+)*)?");
  private static final int MAX_DIGITS = 4300;

  private NumberFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("int", NumberFilters::toInt);
    filters.put("float", NumberFilters::toFloat);
    filters.put("abs", NumberFilters::absolute);
    filters.put("round", NumberFilters::round);
    filters.put("filesizeformat", NumberFilters::fileSize);
  }

  private static Value toInt(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("int", 0, "default", "base");
    Value fallback = given[0] == null ? Int.of(0) : given[0];
    int base = given[1] == null ? 10 : Numbers.toInt(given[1], "base");
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    try {
      if (value instanceof Str str) {
        return new Int(parseInt(str.text(), base));
      }
      return new Int(Numbers.truncate(number(value, "int() argument")));
    } catch (PyError e) {
      if (e.kind() != PyError.Kind.TYPE && e.kind() != PyError.Kind.VALUE) {
        throw e;
      }
    }
    try {
      return new Int(Numbers.truncate(new Real(parseFloat(value))));
    } catch (PyError e) {
      if (e.kind() == PyError.Kind.UNDEFINED) {
        throw e;
      }
      return fallback;
    }
  }

  private static Num number(Value value, String what) {
    if (value instanceof Num number) {
      return number;
    }
    throw PyError.type(what + " must be a string or a number, not '" + value.typeName() + "'");
  }

  private static Value toFloat(Value value, Arguments arguments) {
    @Nullable Value fallback = arguments.bind("float", 0, "default")[0];
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    try {
      return new Real(parseFloat(value));
    } catch (PyError e) {
      if (e.kind() != PyError.Kind.TYPE && e.kind() != PyError.Kind.VALUE) {
        throw e;
      }
      return fallback == null ? new Real(0) : fallback;
    }
  }

  static BigInteger parseInt(String text, int base) {
    String digits = StrMethods.strip(new Str(text), null, true, true).text();
    boolean negative = digits.startsWith("-");
    if (negative || digits.startsWith("+")) {
      digits = digits.substring(1);
    }
    if (base != 0 && (base < 2 || base > 36)) {
      throw PyError.value("int() base must be >= 2 and <= 36, or 0");
    }
    String lower = digits.toLowerCase(Locale.ROOT);
    int radix = base;
    int prefixed =
        lower.startsWith("0x") ? 16 : lower.startsWith("0o") ? 8 : lower.startsWith("0b") ? 2 : 0;
    if (prefixed != 0 && (base == 0 || base == prefixed)) {
      radix = prefixed;
      digits = digits.substring(2);
      digits = digits.startsWith("_") ? digits.substring(1) : digits;
    } else if (base == 0) {
      radix = 10;
      if (digits.length() > 1
          && digits.startsWith("0")
          && !digits.replaceAll("[0_]", "").isEmpty()) {
        throw invalid(text, base);
      }
    }
    if (digits.isEmpty()
        || digits.startsWith("_")
        || digits.endsWith("_")
        || digits.contains("__")) {
      throw invalid(text, base);
    }
    StringBuilder plain = new StringBuilder();
    for (int c : digits.replace("_", "").codePoints().toArray()) {
      int digit = Character.digit(c, radix);
      if (digit < 0) {
        throw invalid(text, base);
      }
      plain.append(Character.forDigit(digit, radix));
    }
    if (plain.length() > MAX_DIGITS) {
      throw PyError.value("Exceeds the limit (4300 digits) for integer string conversion");
    }
    BigInteger magnitude = new BigInteger(plain.toString(), radix);
    return negative ? magnitude.negate() : magnitude;
  }

  private static PyError invalid(String text, int base) {
    return PyError.value("invalid literal for int() with base " + base + ": '" + text + "'");
  }

  static double parseFloat(Value value) {
    if (!(value instanceof Str str)) {
      if (value instanceof Undefined undefined) {
        throw undefined.error();
      }
      return Numbers.toDouble(number(value, "float() argument"));
    }
    StringBuilder ascii = new StringBuilder();
    StrMethods.strip(str, null, true, true)
        .text()
        .codePoints()
        .forEach(
            c -> ascii.appendCodePoint(Characters.isDecimal(c) ? '0' + Character.digit(c, 10) : c));
    String text = ascii.toString();
    String name = text.toLowerCase(Locale.ROOT);
    boolean negative = name.startsWith("-");
    if (negative || name.startsWith("+")) {
      name = name.substring(1);
    }
    switch (name) {
      case "inf", "infinity" -> {
        return negative ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
      }
      case "nan" -> {
        return Double.NaN;
      }
      default -> {}
    }
    if (!FLOAT.matcher(text).matches()) {
      throw PyError.value("could not convert string to float: '" + str + "'");
    }
    return Double.parseDouble(text.replace("_", ""));
  }

  private static Value absolute(Value value, Arguments arguments) {
    arguments.none("abs");
    return switch (value) {
      case Num number -> Numbers.absolute(number);
      default -> throw PyError.type("bad operand type for abs(): '" + value.typeName() + "'");
    };
  }

  private static Value round(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("round", 0, "precision", "method");
    int precision = given[0] == null ? 0 : Numbers.toInt(given[0], "precision");
    String method = given[1] == null ? "common" : Printer.str(given[1]).text();
    if (value instanceof Undefined && method.equals("common")) {
      throw PyError.type("type Undefined doesn't define __round__ method");
    }
    Num number =
        switch (value) {
          case Num num -> num;
          case Undefined undefined -> throw undefined.error();
          default ->
              throw PyError.type("type " + value.typeName() + " doesn't define __round__ method");
        };
    if (method.equals("common")) {
      return Numbers.round(number, precision);
    }
    if (!method.equals("ceil") && !method.equals("floor")) {
      throw PyError.value("method must be common, ceil or floor");
    }
    Num scale = (Num) Numbers.power(Int.of(10), Int.of(precision));
    Num scaled = (Num) Numbers.multiply(number, scale);
    if (scaled instanceof Real real) {
      double whole = method.equals("ceil") ? Math.ceil(real.value()) : Math.floor(real.value());
      scaled = new Int(Numbers.truncate(new Real(whole)));
    }
    return Numbers.divide(scaled, scale);
  }

  private static Value fileSize(Value value, Arguments arguments) {
    @Nullable Value binary = arguments.bind("filesizeformat", 0, "binary")[0];
    boolean powersOfTwo = binary != null && Ops.truthy(binary);
    double bytes = parseFloat(value);
    double base = powersOfTwo ? 1024 : 1000;
    if (bytes == 1) {
      return new Str("1 Byte");
    }
    if (bytes < base) {
      return new Str(Numbers.truncate(new Real(bytes)) + " Bytes");
    }
    double unit = base;
    String prefixes = powersOfTwo ? "KMGTPEZY" : "kMGTPEZY";
    int last = prefixes.length() - 1;
    for (int i = 0; ; i++) {
      unit *= base;
      if (bytes < unit || i == last) {
        NumberFormat format = new NumberFormat('-', false, 1, '\0', 'f');
        return new Str(
            format.real(base * bytes / unit)
                + " "
                + prefixes.charAt(i)
                + (powersOfTwo ? "iB" : "B"));
      }
    }
  }
}
