package dev.graft.tokenizer.split;

import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.Row;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a run was trained on: {@code data.json}. Names each file with its SHA-256 and each row with
 * its line and {@link RowHash}, so that years later one can say whether a row was part of it.
 */
public final class BillOfMaterials {
  private final Map<String, List<Map<String, Object>>> parts = new LinkedHashMap<>();

  /**
   * Reads a file through and adds it.
   *
   * @param part {@code train} or {@code validation}
   * @param format what its rows are
   * @param columns what keys are called in it, see {@link ConversationReader#open(Path, DataFormat,
   *     Map)}
   */
  public void add(String part, Path file, DataFormat format, Map<String, String> columns) {
    List<RowLine> rows = new ArrayList<>();
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("file", file.toString());
    entry.put("sha256", sha256(file));
    try (ConversationReader reader = ConversationReader.open(file, format, columns)) {
      reader.forEach(row -> rows.add(RowLine.of(row)));
      entry.put("format", reader.format().configName());
    }
    entry.put("rows", rows);
    parts.computeIfAbsent(part, _ -> new ArrayList<>()).add(entry);
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

  /** The file's text. */
  public String json() {
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("version", 1);
    root.putAll(parts);
    return JsonMapper.shared().writeValueAsString(root) + "\n";
  }

  private static String sha256(Path file) {
    MessageDigest digest = RowHash.sha256();
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
