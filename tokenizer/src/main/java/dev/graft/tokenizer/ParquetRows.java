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
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Parquet files, as the hub serves data sets. The "line" of a row is its number, from 1. A column
 * that is null in a row is as good as not there, since every row of a table has every column.
 */
final class ParquetRows implements RowSource {
  private final Path file;
  private final ParquetFileReader reader;
  private final RowReader rows;
  private long row;
  private boolean broken;

  private ParquetRows(Path file, ParquetFileReader reader, RowReader rows) {
    this.file = file;
    this.reader = reader;
    this.rows = rows;
  }

  static boolean isParquet(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(4), StandardCharsets.ISO_8859_1).equals("PAR1");
    }
  }

  static ParquetRows open(Path file) throws IOException {
    ParquetFileReader reader = null;
    try {
      reader = ParquetFileReader.open(InputFile.of(file));
      return new ParquetRows(file, reader, reader.rowReader());
    } catch (IOException | RuntimeException | LinkageError e) {
      if (reader != null) {
        reader.close();
      }
      throw unreadable(file, e);
    }
  }

  private static DataException unreadable(Path file, Throwable e) {
    return new DataException(
        file + " cannot be read as Parquet: " + e.getMessage() + ". Export it as JSONL.", e);
  }

  @Override
  public @Nullable RawRow next() {
    broken = true;
    row++;
    try {
      if (!rows.hasNext()) {
        return null;
      }
      rows.next();
      Map<String, @Nullable Object> fields = fields(rows);
      for (String key : List.of("input_ids", "labels")) {
        if (fields.get(key) instanceof List<?> list) {
          fields.put(key, integers(key, list));
        }
      }
      broken = false;
      return new RawRow(new Origin(file, row), fields, RawRow.NO_LINES);
    } catch (UncheckedIOException | IllegalStateException | LinkageError e) {
      throw unreadable(file, e);
    }
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
    rows.close();
    try {
      reader.close();
    } catch (IOException e) {
      throw RowSource.unreadable(file, e);
    }
  }
}
