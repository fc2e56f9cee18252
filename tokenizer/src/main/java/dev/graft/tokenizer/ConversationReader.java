package dev.graft.tokenizer;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.SortedMap;
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

/**
 * Reads the rows of a data file one by one, in bounded memory. A file is UTF-8 and holds one JSON
 * object a line, or pretty-printed objects one after another:
 *
 * <pre>{@code
 * {"conversations":[{"role":"system","content":"…"},
 *                   {"role":"human","content":"…"},{"role":"assistant","content":"…"}]}
 * {"input_ids":[1,403,407],"labels":[-100,403,407]}
 * }</pre>
 *
 * <p>All rows of a file are of one kind. {@code system} is optional, {@code user} is another word
 * for {@code human}; {@link Conversation} states the rules for the order. A label is -100 where the
 * token is not a target and the token's own id where it is: the shift by one happens in the loss.
 * Token rows without any target are allowed and add nothing to the loss. Other keys of a row
 * ({@code id}, {@code source}, …) mean nothing here; they are passed over and counted, see {@link
 * #ignoredKeys()}. Other keys of a message are an error, since a flag that is not understood may
 * change what ought to be learned.
 *
 * <p>Bounds: a string of {@value #MAX_STRING_CHARACTERS} characters, a row of 2<sup>26</sup>
 * characters, 100,000 messages or 2<sup>24</sup> tokens, JSON {@value #MAX_DEPTH} levels deep.
 *
 * <p>Everything wrong with a file is a {@link DataException} that names the file, the line on which
 * the row starts, what is wrong and what to do.
 */
public final class ConversationReader implements Iterable<Row>, AutoCloseable {
  static final int MAX_STRING_CHARACTERS = 1 << 24;
  static final int MAX_DEPTH = 100;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(MAX_STRING_CHARACTERS)
                  .maxNestingDepth(MAX_DEPTH)
                  .build())
          .build();

  private final Path file;
  private final JsonParser json;
  private final RowParser rows;
  private final DataFormat format;
  private final String formatReason;
  private @Nullable Row next;
  private boolean ended;
  private boolean iterated;

  private ConversationReader(Path file, JsonParser json, DataFormat wanted) {
    this.file = file;
    this.json = json;
    rows = new RowParser(file, json);
    Row first = readRow();
    if (first == null) {
      throw new DataException(
          file + ": the file is empty. It needs one JSON object for each conversation.");
    }
    format = wanted == DataFormat.AUTO ? formatOf(first) : wanted;
    formatReason = reason(wanted, format, first);
    next = checked(first);
  }

  /**
   * Opens a file and reads its first row.
   *
   * @param format what the rows are; {@link DataFormat#AUTO} goes by the first row
   * @throws DataException if the file cannot be read, holds no row, or its first row is wrong
   */
  public static ConversationReader open(Path file, DataFormat format) {
    JsonParser json = parser(file);
    try {
      return new ConversationReader(file, json, format);
    } catch (RuntimeException e) {
      json.close();
      throw e;
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // the parser owns the reader and closes it
  private static JsonParser parser(Path file) {
    if (Files.isDirectory(file)) {
      throw new DataException(file + " is a folder. Name the JSONL file inside it.");
    }
    Utf8Reader text = null;
    try {
      text = new Utf8Reader(Files.newInputStream(file));
      String other = text.otherFileKind();
      if (other != null) {
        text.close();
        throw new DataException(file + " is " + other + ".");
      }
      return JSON.createParser(ObjectReadContext.empty(), text);
    } catch (NoSuchFileException e) {
      throw new DataException(file + " does not exist. Check the path.", e);
    } catch (AccessDeniedException e) {
      throw new DataException(file + " may not be read. Check its permissions.", e);
    } catch (IOException e) {
      throw new DataException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** What the rows are: never {@link DataFormat#AUTO}. */
  public DataFormat format() {
    return format;
  }

  /** How {@link #format()} was found, as a sentence for people. */
  public String formatReason() {
    return formatReason;
  }

  /**
   * The rows, in the file's order. They can be gone through once.
   *
   * @throws DataException (from the iterator) at the first row that is wrong
   */
  @Override
  public Iterator<Row> iterator() {
    if (iterated) {
      throw new IllegalStateException("the rows of " + file + " can be gone through only once");
    }
    iterated = true;
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return peek() != null;
      }

      @Override
      public Row next() {
        Row row = peek();
        if (row == null) {
          throw new NoSuchElementException();
        }
        // The row after it is not looked at yet: it may be wrong, and this one is not.
        next = null;
        return row;
      }
    };
  }

  private @Nullable Row peek() {
    if (next == null && !ended) {
      next = checked(readRow());
      ended = next == null;
    }
    return next;
  }

  private @Nullable Row checked(@Nullable Row row) {
    if (row != null && formatOf(row) != format) {
      throw new DataException(
          row.origin()
              + ": a "
              + kind(formatOf(row))
              + " row among "
              + kind(format)
              + " rows ("
              + formatReason
              + "). Put rows of one kind into one file, or set data.format.");
    }
    return row;
  }

  private @Nullable Row readRow() {
    long rowLine = 0;
    try {
      JsonToken token = json.nextToken();
      if (token == null) {
        return null;
      }
      rowLine = json.currentTokenLocation().getLineNr();
      if (token != JsonToken.START_OBJECT) {
        throw new DataException(
            new Origin(file, rowLine)
                + (token == JsonToken.START_ARRAY
                    ? ": the rows stand in a JSON list. Write one object a line instead"
                        + " (jq -c '.[]' FILE > FILE.jsonl)."
                    : ": a row must be a JSON object, {…}. Fix or remove the line."));
      }
      return rows.parse();
    } catch (JacksonException e) {
      throw translated(e, rowLine);
    }
  }

  /** In Jackson's words what is wrong, in ours where and what to do. */
  private DataException translated(JacksonException e, long rowLine) {
    if (e.getCause() instanceof Utf8Reader.NotUtf8Exception notUtf8) {
      return new DataException(
          "%s: byte 0x%02X is not UTF-8. Save the file as UTF-8 (e.g. iconv -f latin1 -t utf-8)."
              .formatted(new Origin(file, notUtf8.line()), notUtf8.badByte()),
          e);
    }
    if (e.getCause() instanceof IOException io) {
      return new DataException(file + " cannot be read: " + io.getMessage(), e);
    }
    int errorLine = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
    int column = e.getLocation() == null ? 0 : e.getLocation().getColumnNr();
    // A row that lacks its last brace fails on the next line, but the row is what must be fixed.
    Origin origin = new Origin(file, rowLine > 0 ? rowLine : errorLine);
    String place = errorLine == origin.line() ? "" : "line " + errorLine + ", ";
    if (e instanceof StreamConstraintsException) {
      return new DataException(
          origin + ": too large: " + e.getOriginalMessage() + ". Split the row.", e);
    }
    if (e instanceof UnexpectedEndOfInputException) {
      return new DataException(
          origin + ": the file ends inside this row; it was cut off. Complete or remove it.", e);
    }
    return new DataException(
        "%s: not valid JSON (%scolumn %d): %s. Fix or remove the row."
            .formatted(origin, place, column, e.getOriginalMessage()),
        e);
  }

  private static DataFormat formatOf(Row row) {
    return switch (row) {
      case Conversation _ -> DataFormat.CONVERSATIONS;
      case TokenSequence _ -> DataFormat.TOKENS;
    };
  }

  private static String kind(DataFormat format) {
    return format == DataFormat.TOKENS ? "pre-tokenized" : "conversation";
  }

  private static String reason(DataFormat wanted, DataFormat format, Row first) {
    if (wanted != DataFormat.AUTO) {
      return format.configName() + ", as data.format says";
    }
    String key = format == DataFormat.TOKENS ? "input_ids" : "conversations";
    return format.configName()
        + ", because the first row (line "
        + first.origin().line()
        + ") has the key \""
        + key
        + "\"";
  }

  /** Keys of rows that were passed over so far, with their counts, for one warning at the end. */
  public SortedMap<String, Long> ignoredKeys() {
    return Collections.unmodifiableSortedMap(rows.ignoredKeys());
  }

  /** Closes the file. */
  @Override
  public void close() {
    json.close();
  }
}
