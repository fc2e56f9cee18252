package dev.graft.tokenizer;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.FieldAccessor;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.PqStruct;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Parquet files, as the hub serves data sets. The "line" of a row is its number, from 1. A column
 * that is null in a row is as good as not there, since every row of a table has every column.
 */
final class ParquetRows implements RowSource {
  /**
   * After so long without a row a file is given up: the reader may wait for ever on a damaged one.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Path file;
  private final Duration patience;
  private final ExecutorService thread;
  private final ParquetFileReader reader;
  private final RowReader rows;
  private long row;
  private boolean broken;

  private ParquetRows(
      Path file,
      Duration patience,
      ExecutorService thread,
      ParquetFileReader reader,
      RowReader rows) {
    this.file = file;
    this.patience = patience;
    this.thread = thread;
    this.reader = reader;
    this.rows = rows;
  }

  static boolean isParquet(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(4), StandardCharsets.ISO_8859_1).equals("PAR1");
    }
  }

  static ParquetRows open(Path file) throws IOException {
    return open(file, PATIENCE);
  }

  @SuppressWarnings("MustBeClosedChecker") // what is opened here is owned by the rows
  static ParquetRows open(Path file, Duration patience) throws IOException {
    ExecutorService thread =
        Executors.newSingleThreadExecutor(
            task -> Thread.ofPlatform().daemon().name("parquet").unstarted(task));
    ParquetFileReader reader = null;
    try {
      reader = ParquetFileReader.open(InputFile.of(file));
      RowReader rows = within(file, patience, thread, reader::rowReader);
      return new ParquetRows(file, patience, thread, reader, rows);
    } catch (IOException | RuntimeException | LinkageError e) {
      thread.shutdownNow();
      if (reader != null) {
        reader.close();
      }
      throw e instanceof DataException known ? known : unreadable(file, e);
    }
  }

  /** Does what may wait on the reader's own threads. */
  private static <T> T within(
      Path file, Duration patience, ExecutorService thread, Callable<T> work) {
    Future<T> result = thread.submit(work);
    try {
      return result.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw unreadable(file, e.getCause() == null ? e : e.getCause());
    } catch (TimeoutException e) {
      result.cancel(true);
      throw new DataException(
          file
              + " cannot be read as Parquet: no row came for "
              + patience.toSeconds()
              + " s, so it is probably damaged. Get it again, or export it as JSONL.",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataException(file + " was not read to its end: interrupted.", e);
    }
  }

  private static DataException unreadable(Path file, Throwable e) {
    return new DataException(
        file
            + " cannot be read as Parquet: "
            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
            + ". Get it again, or export it as JSONL.",
        e);
  }

  @Override
  public @Nullable RawRow next() {
    broken = true;
    row++;
    try {
      if (!within(file, patience, thread, this::advance)) {
        return null;
      }
      Map<String, @Nullable Object> fields = fields(rows);
      for (String key : List.of("input_ids", "labels")) {
        if (fields.get(key) instanceof List<?> list) {
          fields.put(key, integers(key, list));
        }
      }
      broken = false;
      return new RawRow(new Origin(file, row), fields, RawRow.NO_LINES);
    } catch (DataException e) {
      throw e;
    } catch (RuntimeException | LinkageError e) {
      // Whatever a damaged page makes of the reader: it has no exception of its own for that.
      throw unreadable(file, e);
    }
  }

  private boolean advance() {
    boolean hasNext = rows.hasNext();
    if (hasNext) {
      rows.next();
    }
    return hasNext;
  }

  private int[] integers(String key, List<?> list) {
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      if (!(list.get(i) instanceof Number number) || number.longValue() != number.intValue()) {
        throw new DataException(
            new Origin(file, row), key + "[" + i + "] is not an integer of 32 bits.");
      }
      values[i] = number.intValue();
    }
    return values;
  }

  private static Map<String, @Nullable Object> fields(FieldAccessor struct) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    for (int i = 0; i < struct.getFieldCount(); i++) {
      String name = struct.getFieldName(i);
      Object value = struct.isNull(name) ? null : plain(struct.getValue(name));
      if (value != null) {
        fields.put(name, value);
      }
    }
    return fields;
  }

  private static @Nullable Object plain(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case PqStruct struct -> fields(struct);
      case PqList list -> {
        List<@Nullable Object> values = new ArrayList<>(list.size());
        for (Object element : list.values()) {
          values.add(plain(element));
        }
        yield values;
      }
      case PqMap map -> {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        map.getEntries().forEach(e -> fields.put(String.valueOf(e.getKey()), plain(e.getValue())));
        yield fields;
      }
      case Integer number -> number.longValue();
      case Float number -> number.doubleValue();
      case Number number -> number;
      case Boolean truth -> truth;
      default -> value.toString();
    };
  }

  @Override
  public boolean recover() {
    return !broken;
  }

  @Override
  public void close() {
    thread.shutdownNow();
    rows.close();
    try {
      reader.close();
    } catch (IOException e) {
      throw RowSource.unreadable(file, e);
    }
  }
}
