package dev.graft.tokenizer;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads the rows of a data file one by one, in bounded memory.
 *
 * <p>A file is UTF-8 JSON: one object a line, or pretty-printed objects one after another, or a
 * list of them; or it is CSV or TSV with the columns' names in its first line, or Parquet. JSON,
 * CSV and TSV may be packed with gzip or zstd. {@link DataFormat} lists what a row may be:
 *
 * <pre>{@code
 * {"conversations":[{"role":"system","content":"…"},
 *                   {"role":"human","content":"…"},{"role":"assistant","content":"…"}]}
 * {"input_ids":[1,403,407],"labels":[-100,403,407]}
 * }</pre>
 *
 * <p>All rows of a file are of one kind. {@code system} is optional; {@link Conversation} states
 * the rules for the order. An assistant's message that says {@code "train": false} or {@code
 * "weight": 0} is not learned. A label is -100 where the token is not a target and the token's own
 * id where it is: the shift by one happens in the loss. Token rows without any target are allowed
 * and add nothing to the loss. Other keys of a row ({@code id}, {@code source}, …) mean nothing for
 * training; they are passed over and counted, see {@link #ignoredKeys()}. Other keys of a message
 * are an error, since a flag that is not understood may change what ought to be learned.
 *
 * <p>Bounds: a string of {@value #MAX_STRING_CHARACTERS} characters, a row of 2<sup>26</sup>
 * characters, 100,000 messages or 2<sup>24</sup> tokens, JSON {@value #MAX_DEPTH} levels deep.
 *
 * <p>Everything wrong with a file is a {@link DataException} that names the file, the line on which
 * the row starts, what is wrong and what to do.
 */
public final class ConversationReader implements Iterable<Row>, AutoCloseable {
  static final int MAX_STRING_CHARACTERS = 1 << 24;
  static final int MAX_ROW_CHARACTERS = 1 << 26;
  static final int MAX_MESSAGES = 100_000;
  static final int MAX_DEPTH = 100;
  private static final int MAX_COUNTED = 100;

  private final Path file;
  private final RowSource source;
  private final RowParser parser;
  private final SortedMap<String, Long> ignoredKeys = new TreeMap<>();
  private final SortedMap<String, Long> sources = new TreeMap<>();
  private @Nullable DataRow next;
  private boolean ended;
  private boolean iterated;
  private boolean sourceFailed;

  private ConversationReader(Path file, RowSource source, RowParser parser) {
    this.file = file;
    this.source = source;
    this.parser = parser;
  }

  /**
   * Opens a file and reads its first row.
   *
   * @param format what the rows are; {@link DataFormat#AUTO} goes by the first row
   * @throws DataException if the file cannot be read, holds no row, or its first row is wrong
   */
  public static ConversationReader open(Path file, DataFormat format) {
    return open(file, format, Map.of());
  }

  /**
   * Opens a file and reads its first row.
   *
   * @param columns what keys are called in the file, by the name that they have here: {@code
   *     instruction} to {@code Question}
   */
  public static ConversationReader open(Path file, DataFormat format, Map<String, String> columns) {
    ConversationReader reader = openUnread(file, format, columns);
    try {
      reader.next = reader.read();
      if (reader.next == null) {
        throw new DataException(
            file + ": the file is empty. It needs one JSON object for each conversation.");
      }
      return reader;
    } catch (RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  /**
   * Opens a file for {@link #read}, without looking at its rows yet.
   *
   * @throws DataException if the file cannot be read
   */
  public static ConversationReader openUnread(
      Path file, DataFormat format, Map<String, String> columns) {
    return new ConversationReader(file, RowSource.open(file), new RowParser(format, columns));
  }

  /** What the rows are: never {@link DataFormat#AUTO} once a row has been read. */
  public DataFormat format() {
    return parser.format();
  }

  /** How {@link #format()} was found, as a sentence for people. */
  public String formatReason() {
    return parser.reason();
  }

  /**
   * The rows, in the file's order. They can be gone through once.
   *
   * @throws DataException (from the iterator) at the first row that is wrong
   */
  @Override
  public Iterator<Row> iterator() {
    Iterator<DataRow> rows = dataRows();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        return rows.next().row();
      }
    };
  }

  /** {@link #iterator} with everything that the file says beside each row; one of both, once. */
  Iterator<DataRow> dataRows() {
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
      public DataRow next() {
        DataRow row = peek();
        if (row == null) {
          throw new NoSuchElementException();
        }
        // The row after it is not looked at yet: it may be wrong, and this one is not.
        next = null;
        return row;
      }
    };
  }

  private @Nullable DataRow peek() {
    if (next == null && !ended) {
      next = read();
      ended = next == null;
    }
    return next;
  }

  /**
   * The next row with everything that the file says beside it, or null at the end. After {@link
   * #open} the first row belongs to the iterator.
   *
   * @throws DataException if the row is wrong
   */
  public @Nullable DataRow read() {
    sourceFailed = true;
    RawRow raw = source.next();
    sourceFailed = false;
    if (raw == null) {
      return null;
    }
    DataRow row = parser.parse(raw);
    row.fields().keySet().forEach(key -> count(key, ignoredKeys));
    row.source().ifPresent(source -> count(source, sources));
    return row;
  }

  /** Whether {@link #read} can go on behind the row that it has just refused. */
  public boolean skipWrongRow() {
    return !sourceFailed || source.recover();
  }

  private static void count(String name, Map<String, Long> counts) {
    if (counts.containsKey(name) || counts.size() < MAX_COUNTED) {
      counts.merge(name, 1L, Long::sum);
    }
  }

  /** Keys of rows that were passed over so far, with their counts, for one warning at the end. */
  public SortedMap<String, Long> ignoredKeys() {
    return Collections.unmodifiableSortedMap(ignoredKeys);
  }

  /** How many rows so far name each {@link DataRow#source()}. */
  public SortedMap<String, Long> sources() {
    return Collections.unmodifiableSortedMap(sources);
  }

  /** Closes the file. */
  @Override
  public void close() {
    source.close();
  }
}
