package dev.graft.tokenizer;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;

/** Reads the values of one row as plain Java, and no more of them than a row may have. */
final class PlainValues {
  private static final int MAX_VALUES = 1 << 20;

  private final JsonParser json;
  private final Origin origin;
  private long characters;
  private int values;
  private int[] lines = RawRow.NO_LINES;

  PlainValues(JsonParser json, Origin origin) {
    this.json = json;
    this.origin = origin;
  }

  /**
   * A JSON text that stands in a string, as table formats carry lists.
   *
   * @throws DataException if it is not JSON
   */
  static @Nullable Object parse(String text, Origin origin, String what) {
    try (JsonParser json = JsonRows.JSON.createParser(ObjectReadContext.empty(), text)) {
      json.nextToken();
      Object value = new PlainValues(json, origin).read();
      if (json.nextToken() == null) {
        return value;
      }
    } catch (JacksonException e) {
      throw new DataException(
          origin, what + " is not valid JSON: " + e.getOriginalMessage() + ". Fix it.", e);
    }
    throw new DataException(origin, what + " is more than one JSON value. Fix it.");
  }

  /** The value that the parser stands at. */
  @Nullable Object read() {
    JsonToken token = json.currentToken();
    if (token == null || ++values > MAX_VALUES) {
      throw new DataException(
          origin,
          token == null
              ? "a value is missing."
              : "more than " + MAX_VALUES + " values in one row. Split it.");
    }
    return switch (token) {
      case START_OBJECT -> object();
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
          list.add(read());
        }
        yield list;
      }
      case VALUE_STRING -> counted(json.getString());
      case VALUE_NUMBER_INT ->
          json.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? json.getBigIntegerValue()
              : (Object) json.getLongValue();
      case VALUE_NUMBER_FLOAT -> decimal();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default -> null;
    };
  }

  /** The messages of a row, with the line of each. */
  List<@Nullable Object> list(JsonRows rows, int[] room) {
    lines = room;
    List<@Nullable Object> list = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (list.size() == ConversationReader.MAX_MESSAGES) {
        throw new DataException(
            origin,
            "more than " + ConversationReader.MAX_MESSAGES + " messages in one row. Split it.");
      }
      if (list.size() == lines.length) {
        lines = Arrays.copyOf(lines, lines.length * 2);
      }
      lines[list.size()] = rows.line();
      list.add(read());
    }
    lines = Arrays.copyOf(lines, list.size());
    return list;
  }

  /** What {@link #list} found. */
  int[] lines() {
    return lines;
  }

  private Map<String, @Nullable Object> object() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (String key = json.nextName(); key != null; key = json.nextName()) {
      json.nextToken();
      map.put(counted(key), read());
    }
    return map;
  }

  /** A double where that says all, so that Python's floats and ours are the same. */
  private Object decimal() {
    BigDecimal exact = json.getDecimalValue();
    double value = exact.doubleValue();
    return Double.isFinite(value) && new BigDecimal(Double.toString(value)).compareTo(exact) == 0
        ? (Object) value
        : exact;
  }

  private String counted(String text) {
    characters += text.length();
    if (characters > ConversationReader.MAX_ROW_CHARACTERS) {
      throw new DataException(
          origin,
          "more than "
              + ConversationReader.MAX_ROW_CHARACTERS
              + " characters in one row. Split it.");
    }
    return text;
  }
}
