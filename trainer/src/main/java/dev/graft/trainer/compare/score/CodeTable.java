package dev.graft.trainer.compare.score;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * The codes that exist.
 *
 * @param codes in their {@linkplain #plain plain} form
 */
public record CodeTable(Set<String> codes) {

  public CodeTable {
    codes = Set.copyOf(codes);
  }

  /**
   * Reads a table: a code a line, in one of the line's columns, which tabs, commas, semicolons or
   * white space part. Files that end in .gz are unpacked. CMS's ICD-10-CM order file has its codes
   * in column 2.
   *
   * @param column from 1
   * @throws IllegalArgumentException if no line has such a column
   */
  public static CodeTable read(Path file, int column) throws IOException {
    var codes = new HashSet<String>();
    try (InputStream raw = Files.newInputStream(file);
        InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw;
        var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] columns = line.strip().split("[\\t,;]|\\s+", column + 1);
        String code = columns.length < column ? "" : plain(columns[column - 1].replace("\"", ""));
        if (!code.isEmpty()) {
          codes.add(code);
        }
      }
    }
    if (codes.isEmpty()) {
      throw new IllegalArgumentException("no line has a code in column " + column);
    }
    return new CodeTable(codes);
  }

  /** Upper case, without dots, dashes and white space: e11.9 is E119. */
  static String plain(String code) {
    return code.toUpperCase(Locale.ROOT).replaceAll("[\\s.\\-\\u2010-\\u2013]+", "");
  }

  /** Whether a code exists, however it is written. */
  boolean has(String code) {
    return codes.contains(plain(code));
  }
}
