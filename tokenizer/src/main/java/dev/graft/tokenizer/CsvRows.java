package dev.graft.tokenizer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.databind.MappingIterator;
import tools.jackson.dataformat.csv.CsvFactory;
import tools.jackson.dataformat.csv.CsvMapper;
import tools.jackson.dataformat.csv.CsvReadFeature;
import tools.jackson.dataformat.csv.CsvSchema;

/** CSV as RFC 4180 has it, and TSV: the first line names the columns, every value is text. */
final class CsvRows implements RowSource {
  private static final CsvMapper MAPPER =
      CsvMapper.builder(
              CsvFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxStringLength(ConversationReader.MAX_STRING_CHARACTERS)
                          .build())
                  .build())
          .enable(CsvReadFeature.FAIL_ON_MISSING_COLUMNS)
          .enable(CsvReadFeature.SKIP_EMPTY_LINES)
          .build();

  private final Path file;
  private final MappingIterator<Map<String, String>> rows;
  private boolean broken;
  private boolean first = true;

  private CsvRows(Path file, MappingIterator<Map<String, String>> rows) {
    this.file = file;
    this.rows = rows;
  }

  @SuppressWarnings("MustBeClosedChecker") // the iterator owns the reader and closes it
  static CsvRows open(Path file, char separator) throws IOException {
    Utf8Reader text = new Utf8Reader(RowSource.bytes(file));
    String other = text.otherFileKind();
    if (other == null && (text.firstCharacter() == '{' || text.firstCharacter() == '[')) {
      other = "JSON, not a table; name it .jsonl or .json";
    }
    if (other != null) {
      text.close();
      throw new DataException(file + " is " + other + ".");
    }
    CsvSchema schema = CsvSchema.emptySchema().withHeader().withColumnSeparator(separator);
    try {
      return new CsvRows(file, MAPPER.readerForMapOf(String.class).with(schema).readValues(text));
    } catch (JacksonException e) {
      text.close();
      throw new DataException(new Origin(file, 1), "not valid CSV: " + e.getOriginalMessage(), e);
    }
  }

  @Override
  public @Nullable RawRow next() {
    broken = true;
    // Before a row is read the parser stands where the one before it has ended.
    long line = first ? 2 : rows.currentLocation().getLineNr();
    first = false;
    try {
      if (!rows.hasNextValue()) {
        return null;
      }
      Map<String, @Nullable Object> fields = new LinkedHashMap<>(rows.nextValue());
      broken = false;
      return new RawRow(new Origin(file, line), fields, RawRow.NO_LINES);
    } catch (JacksonException e) {
      Origin origin = new Origin(file, line);
      if (e.getCause() instanceof Utf8Reader.NotUtf8Exception notUtf8) {
        throw new DataException(
            new Origin(file, notUtf8.line()),
            "byte 0x%02X is not UTF-8. Save the file as UTF-8.".formatted(notUtf8.badByte()),
            e);
      }
      throw new DataException(
          origin,
          "not a row with the columns that the first line names: "
              + e.getOriginalMessage()
              + ". Check the quotes and the separators.",
          e);
    }
  }

  @Override
  public boolean recover() {
    return !broken;
  }

  @Override
  public void close() {
    rows.close();
  }
}
