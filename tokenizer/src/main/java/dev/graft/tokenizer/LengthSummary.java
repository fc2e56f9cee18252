package dev.graft.tokenizer;

import java.util.List;

/**
 * How many rows {@link MaxLength} kept, cut and skipped.
 *
 * @param kept rows that fit
 * @param cut conversations of which the first exchanges fit
 * @param skipped rows of which nothing fits
 * @param first a sentence for each of the first {@value #NAMED} rows that were cut or skipped
 */
public record LengthSummary(long kept, long cut, long skipped, List<String> first) {
  static final int NAMED = 10;

  static final LengthSummary NOTHING = new LengthSummary(0, 0, 0, List.of());

  public LengthSummary {
    first = List.copyOf(first);
  }

  /** All rows that were looked at. */
  public long rows() {
    return kept + cut + skipped;
  }
}
