package dev.graft.tokenizer;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a row came from.
 *
 * @param file the data file, or null for a row made in memory
 * @param line the line on which the row starts, from 1; 0 for a row made in memory
 */
public record Origin(@Nullable Path file, long line) {
  /** For rows that were made in memory. */
  public static final Origin MEMORY = new Origin(null, 0);

  public Origin {
    if (line < 0) {
      throw new IllegalArgumentException("line " + line + " is negative");
    }
  }

  /** {@code train.jsonl line 17}, the beginning of most messages. */
  @Override
  public String toString() {
    return file == null ? "in-memory row" : file + " line " + line;
  }
}
