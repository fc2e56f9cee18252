package dev.graft.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.core.json.JsonFactory;

/** JSON objects one a line, or pretty-printed one after another, or in one list. */
final class JsonRows implements RowSource {
  static final int MAX_TOKENS = 1 << 24;

  static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(ConversationReader.MAX_STRING_CHARACTERS)
                  .maxNestingDepth(ConversationReader.MAX_DEPTH)
                  .build())
          .build();

  /** A file with more broken lines than this is not a file with broken lines. */
  private static final int MAX_RESTARTS = 100;

  private final Path file;
  private JsonParser json;
  private long linesSkipped;
  private boolean inList;
  private boolean severalLines;
  private boolean broken;
  private int restarts;
  private long rowLine;

  private JsonRows(Path file) throws IOException {
    this.file = file;
    json = parser(0);
  }

  static JsonRows open(Path file) throws IOException {
    return new JsonRows(file);
  }

  @SuppressWarnings("MustBeClosedChecker") // the parser owns the reader and closes it
  private JsonParser parser(long skip) throws IOException {
    InputStream bytes = RowSource.bytes(file);
    try {
      for (long line = 0; line < skip; ) {
        int read = bytes.read();
        if (read < 0) {
          break;
        }
        line += read == '\n' ? 1 : 0;
      }
      Utf8Reader text = new Utf8Reader(bytes);
      String other = text.otherFileKind();
      if (other != null) {
        throw new DataException(file + " is " + other + ".");
      }
      return JSON.createParser(ObjectReadContext.empty(), text);
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  @Override
  public @Nullable RawRow next() {
    rowLine = 0;
    broken = true;
    try {
      RawRow row = read();
      broken = false;
      return row;
    } catch (JacksonException e) {
      throw translated(e);
    }
  }

  private @Nullable RawRow read() {
    JsonToken token = json.nextToken();
    if (token == JsonToken.START_ARRAY && !inList) {
      inList = true;
      token = json.nextToken();
    }
    if (token == JsonToken.END_ARRAY && inList) {
      token = json.nextToken();
      if (token != null) {
        throw new DataException(
            new Origin(file, line()),
            "something stands behind the list of rows. Put all rows into one list, or one a line.");
      }
    }
    if (token == null) {
      return null;
    }
    rowLine = line();
    Origin origin = new Origin(file, rowLine);
    if (token != JsonToken.START_OBJECT) {
      broken = token.isStructStart();
      throw new DataException(origin, "a row must be a JSON object, {…}. Fix or remove the line.");
    }
    RawRow row = row(origin);
    severalLines |= line() != rowLine;
    return row;
  }

  private RawRow row(Origin origin) {
    PlainValues values = new PlainValues(json, origin);
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    int[] lines = RawRow.NO_LINES;
    for (String key = json.nextName(); key != null; key = json.nextName()) {
      JsonToken token = json.nextToken();
      switch (key) {
        case "input_ids", "labels" -> fields.put(key, integers(key, origin));
        case "conversations", "messages" -> {
          if (token == JsonToken.START_ARRAY) {
            lines = new int[16];
            fields.put(key, values.list(this, lines));
            lines = values.lines();
          } else {
            fields.put(key, values.read());
          }
        }
        default -> fields.put(key, values.read());
      }
    }
    return new RawRow(origin, fields, lines);
  }

  /** The line of the token that the parser stands at. */
  int line() {
    return Math.toIntExact(linesSkipped + json.currentTokenLocation().getLineNr());
  }

  private int[] integers(String key, Origin origin) {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw new DataException(origin, "\"" + key + "\" must be a list of integers" + here() + ".");
    }
    int[] values = new int[256];
    int count = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() != JsonToken.VALUE_NUMBER_INT
          || json.getNumberType() != JsonParser.NumberType.INT) {
        throw new DataException(
            origin, key + "[" + count + "] is not an integer of 32 bits" + here() + ".");
      }
      if (count == MAX_TOKENS) {
        throw new DataException(
            origin, "\"" + key + "\" has more than " + MAX_TOKENS + " entries. Split the row.");
      }
      if (count == values.length) {
        values = Arrays.copyOf(values, count * 2);
      }
      values[count++] = json.getIntValue();
    }
    return Arrays.copyOf(values, count);
  }

  /** Where the parser stands, if that is not the line that every message names anyway. */
  private String here() {
    return line() == rowLine ? "" : " (line " + line() + ")";
  }

  /** In Jackson's words what is wrong, in ours where and what to do. */
  private DataException translated(JacksonException e) {
    if (e.getCause() instanceof Utf8Reader.NotUtf8Exception notUtf8) {
      rowLine = linesSkipped + notUtf8.line();
      return new DataException(
          new Origin(file, rowLine),
          "byte 0x%02X is not UTF-8. Save the file as UTF-8 (e.g. iconv -f latin1 -t utf-8)."
              .formatted(notUtf8.badByte()),
          e);
    }
    if (e.getCause() instanceof IOException io) {
      restarts = MAX_RESTARTS;
      return RowSource.unreadable(file, io);
    }
    long errorLine = e.getLocation() == null ? 0 : linesSkipped + e.getLocation().getLineNr();
    int column = e.getLocation() == null ? 0 : e.getLocation().getColumnNr();
    // A row that lacks its last brace fails on the next line, but the row is what must be fixed.
    rowLine = rowLine > 0 ? rowLine : errorLine;
    Origin origin = new Origin(file, rowLine);
    String place = errorLine == rowLine ? "" : "line " + errorLine + ", ";
    if (e instanceof StreamConstraintsException) {
      return new DataException(
          origin,
          "too large: "
              // The library's own settings say nothing to a user.
              + e.getOriginalMessage().replaceAll(", from `[^`]*`", "")
              + ". Split the row.",
          e);
    }
    if (e instanceof UnexpectedEndOfInputException) {
      return new DataException(
          origin, "the file ends inside this row; it was cut off. Complete or remove it.", e);
    }
    return new DataException(
        origin,
        "not valid JSON (%scolumn %d): %s. Fix or remove the row."
            .formatted(place, column, e.getOriginalMessage()),
        e);
  }

  /** Starts again on the line behind the broken one, where the file has a row a line. */
  @Override
  public boolean recover() {
    if (!broken) {
      return true;
    }
    if (inList || severalLines || rowLine == 0 || ++restarts > MAX_RESTARTS) {
      return false;
    }
    try {
      json.close();
      json = parser(rowLine);
      linesSkipped = rowLine;
      return true;
    } catch (IOException e) {
      throw RowSource.unreadable(file, e);
    }
  }

  @Override
  public void close() {
    json.close();
  }
}
