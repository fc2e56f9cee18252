package dev.graft.tokenizer.split;

import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.Row;
import dev.graft.tokenizer.check.Provenance;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a run was trained on: {@code data.json}. Names each file with its size and SHA-256 and each
 * row with its line and {@link RowHash}, so that years later one can say whether a row was part of
 * it; and counts what rows name as their source.
 *
 * <pre>{@code
 * {"version":1,"train":[{"file":"train.jsonl","bytes":1257177,"sha256":"…","format":"conversations",
 *   "sources":{"ward 3":200},"count":1201,"rows":[{"line":1,"sha256":"…"}, …]}],"validation":[…]}
 * }</pre>
 */
public final class BillOfMaterials {
  /** The file's name in a run's folder and beside every export. */
  public static final String FILE_NAME = "data.json";

  private static final int VERSION = 1;

  private record Entry(
      String file,
      long bytes,
      String sha256,
      String format,
      Map<String, Long> sources,
      List<RowLine> rows) {}

  private final Map<String, List<Entry>> parts = new LinkedHashMap<>();

  /**
   * Adds a file that has been read.
   *
   * @param part {@code train} or {@code validation}
   * @param sha256 of the file as it lies on the disk, in hexadecimal
   * @param format what its rows are
   * @param rows those that belong to the part
   * @param sources how many of them name each source
   */
  public void add(
      String part,
      Path file,
      String sha256,
      String format,
      List<RowLine> rows,
      Map<String, Long> sources) {
    try {
      parts
          .computeIfAbsent(part, _ -> new ArrayList<>())
          .add(
              new Entry(
                  file.toString(),
                  Files.size(file),
                  sha256,
                  format,
                  new TreeMap<>(sources),
                  List.copyOf(rows)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A row of a file.
   *
   * @param line where it begins
   * @param sha256 its {@link RowHash}
   */
  public record RowLine(long line, String sha256) {
    /** Names a row. */
    public static RowLine of(Row row) {
      return new RowLine(row.origin().line(), RowHash.of(row));
    }
  }

  /**
   * Some rows of a file, as a bill names them.
   *
   * @param file as it was called when the bill was written
   */
  public record NamedRows(String file, List<RowLine> rows) {}

  /**
   * The first rows of a part of a bill, read without holding the others.
   *
   * @param part {@code train} or {@code validation}
   * @param most at most so many rows of each file
   * @throws DataException if the file is no bill
   */
  public static List<NamedRows> read(Path bill, String part, int most) {
    List<NamedRows> named = new ArrayList<>();
    try (JsonParser json = JsonMapper.shared().createParser(bill)) {
      json.nextToken();
      while (json.nextToken() == JsonToken.PROPERTY_NAME) {
        boolean wanted = json.currentName().equals(part);
        if (json.nextToken() != JsonToken.START_ARRAY || !wanted) {
          json.skipChildren();
          continue;
        }
        while (json.nextToken() == JsonToken.START_OBJECT) {
          named.add(file(json, most));
        }
      }
      return named;
    } catch (JacksonException e) {
      throw new DataException(bill + " is damaged: it is not what a run writes", e);
    }
  }

  private static NamedRows file(JsonParser json, int most) {
    String file = "";
    List<RowLine> rows = new ArrayList<>();
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = json.currentName();
      JsonToken value = json.nextToken();
      if (key.equals("file")) {
        file = json.getString();
      } else if (key.equals("rows") && value == JsonToken.START_ARRAY) {
        while (json.nextToken() == JsonToken.START_OBJECT) {
          if (rows.size() < most) {
            JsonNode row = json.readValueAsTree();
            rows.add(new RowLine(row.path("line").asLong(), row.path("sha256").asString("")));
          } else {
            json.skipChildren();
          }
        }
      } else {
        json.skipChildren();
      }
    }
    return new NamedRows(file, rows);
  }

  /** What to say before training on what a commercial model wrote, if rows name one. */
  public Optional<String> provenanceWarning() {
    Map<String, Long> sources = new TreeMap<>();
    for (Entry entry : parts.getOrDefault("train", List.of())) {
      entry.sources().forEach((source, rows) -> sources.merge(source, rows, Long::sum));
    }
    return Provenance.warning(sources).map(what -> what + ". " + Provenance.advice());
  }

  /** The file's text. */
  public String json() {
    StringWriter text = new StringWriter();
    writeTo(text);
    return text.toString();
  }

  /** Writes the file's text, row by row. */
  public void writeTo(Writer out) {
    JsonGenerator json = JsonMapper.shared().createGenerator(out);
    json.writeStartObject();
    json.writeNumberProperty("version", VERSION);
    parts.forEach((part, entries) -> {
      json.writeArrayPropertyStart(part);
      entries.forEach(entry -> write(entry, json));
      json.writeEndArray();
    });
    json.writeEndObject();
    json.writeRaw('\n');
    json.flush();
  }

  private static void write(Entry entry, JsonGenerator json) {
    json.writeStartObject();
    json.writeStringProperty("file", entry.file());
    json.writeNumberProperty("bytes", entry.bytes());
    json.writeStringProperty("sha256", entry.sha256());
    json.writeStringProperty("format", entry.format());
    json.writeObjectPropertyStart("sources");
    entry.sources().forEach(json::writeNumberProperty);
    json.writeEndObject();
    json.writeNumberProperty("count", entry.rows().size());
    json.writeArrayPropertyStart("rows");
    for (RowLine row : entry.rows()) {
      json.writeStartObject();
      json.writeNumberProperty("line", row.line());
      json.writeStringProperty("sha256", row.sha256());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }
}
