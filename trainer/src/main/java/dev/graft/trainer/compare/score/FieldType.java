package dev.graft.trainer.compare.score;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** When two values of a JSON field are the same. */
public sealed interface FieldType {

  /** Whether the answer's value is the reference's. */
  boolean same(JsonNode expected, JsonNode given);

  /** Text, equal after {@link Texts#normalized}; objects and numbers as JSON with sorted keys. */
  record Text() implements FieldType {
    @Override
    public boolean same(JsonNode expected, JsonNode given) {
      return Texts.normalized(Json.text(expected)).equals(Texts.normalized(Json.text(given)));
    }
  }

  /** Text, equal character for character. */
  record ExactText() implements FieldType {
    @Override
    public boolean same(JsonNode expected, JsonNode given) {
      return Json.text(expected).equals(Json.text(given));
    }
  }

  /**
   * Numbers that differ by no more than the tolerance; "12" in quotes is 12. What is no number is
   * compared as text.
   */
  record Number(double tolerance) implements FieldType {
    @Override
    public boolean same(JsonNode expected, JsonNode given) {
      OptionalDouble one = value(expected);
      OptionalDouble other = value(given);
      if (one.isEmpty() || other.isEmpty()) {
        return new Text().same(expected, given);
      }
      double difference = Math.abs(one.getAsDouble() - other.getAsDouble());
      // 0.3 - 0.2 is a little more than 0.1 in binary.
      return difference <= tolerance + 1e-12 * Math.abs(one.getAsDouble());
    }

    private static OptionalDouble value(JsonNode node) {
      try {
        double value =
            node.isNumber()
                ? node.doubleValue()
                : Double.parseDouble(node.isString() ? node.stringValue().strip() : "");
        return Double.isFinite(value) ? OptionalDouble.of(value) : OptionalDouble.empty();
      } catch (NumberFormatException _) {
        return OptionalDouble.empty();
      }
    }
  }

  /** The same day, however it is written (see {@link Dates}); otherwise as text. */
  record Date(boolean dayFirst) implements FieldType {
    @Override
    public boolean same(JsonNode expected, JsonNode given) {
      var one = Dates.parse(Json.text(expected), dayFirst);
      var other = Dates.parse(Json.text(given), dayFirst);
      return one.isPresent() && other.isPresent()
          ? one.equals(other)
          : new Text().same(expected, given);
    }
  }

  /** Codes: letter case, dots, dashes and white space mean nothing. */
  record Code() implements FieldType {
    @Override
    public boolean same(JsonNode expected, JsonNode given) {
      return CodeTable.plain(Json.text(expected)).equals(CodeTable.plain(Json.text(given)));
    }
  }

  /** The words for a type in a configuration. */
  String WORDS = "text, exact, number, number(TOLERANCE), date, date(day-first) or code";

  /** The type that a configuration names; empty for words that are none. */
  static Optional<FieldType> parse(String words) {
    Matcher number = Pattern.compile("number\\((\\d+(?:\\.\\d+)?(?:e-?\\d+)?)\\)").matcher(words);
    if (number.matches()) {
      return Optional.of(new Number(Double.parseDouble(number.group(1))));
    }
    return switch (words.toLowerCase(Locale.ROOT)) {
      case "text" -> Optional.of(new Text());
      case "exact" -> Optional.of(new ExactText());
      case "number" -> Optional.of(new Number(0));
      case "date" -> Optional.of(new Date(false));
      case "date(day-first)" -> Optional.of(new Date(true));
      case "code" -> Optional.of(new Code());
      default -> Optional.empty();
    };
  }
}
