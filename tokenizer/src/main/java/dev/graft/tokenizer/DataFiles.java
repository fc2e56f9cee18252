package dev.graft.tokenizer;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Data files as text. */
public final class DataFiles {
  private DataFiles() {}

  /**
   * The lines of rows just as they stand in a JSON file, so that rows can be sorted into files
   * without touching them.
   *
   * @param rows where each row begins, in the file's order
   * @return (rows) each with its line break; empty where rows do not begin on lines of their own:
   *     in a list, a table or a Parquet file
   */
  public static Optional<List<String>> rowTexts(Path file, List<Origin> rows) {
    String name = file.toString().replaceFirst("\\.(gz|zst|zstd)$", "");
    if (!name.endsWith(".jsonl") && !name.endsWith(".ndjson") && !name.endsWith(".json")) {
      return Optional.empty();
    }
    List<String> texts = new ArrayList<>(rows.size());
    try (BufferedReader lines = new BufferedReader(new Utf8Reader(RowSource.bytes(file)))) {
      StringBuilder text = new StringBuilder();
      long number = 0;
      int row = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        if (row < rows.size() && number == rows.get(row).line()) {
          if (row > 0) {
            texts.add(text.toString());
          }
          text.setLength(0);
          row++;
          if (!line.stripLeading().startsWith("{")) {
            return Optional.empty();
          }
        } else if (row == 0 && !line.isBlank()) {
          return Optional.empty();
        }
        if (!line.isBlank()) {
          text.append(line).append('\n');
        }
      }
      texts.add(text.toString());
    } catch (IOException e) {
      throw RowSource.unreadable(file, e);
    }
    return texts.size() == rows.size() ? Optional.of(texts) : Optional.empty();
  }
}
