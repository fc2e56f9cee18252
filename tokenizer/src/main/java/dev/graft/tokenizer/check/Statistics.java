package dev.graft.tokenizer.check;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Numbers about the data.
 *
 * @param rows rows that could be read
 * @param tokens all tokens; 0 where no tokenizer was given
 * @param targetTokens those that are learned
 * @param charactersByRole characters of content
 * @param tokensByRole see {@link RoleTokens}; empty where no tokenizer was given
 * @param lengths (rows) tokens of each row, ascending; empty where no tokenizer was given
 * @param formats how answers are written
 * @param sources rows by what they name as their source, of the first {@value #MAX_SOURCES} sources
 */
@SuppressWarnings("ArrayRecordComponent") // 4 bytes a row instead of 20, never compared
public record Statistics(
    long rows,
    long tokens,
    long targetTokens,
    Map<String, Long> charactersByRole,
    Map<String, Long> tokensByRole,
    int[] lengths,
    Formats formats,
    Map<String, Long> sources) {
  /** More sources than this are names of rows rather than of places. */
  static final int MAX_SOURCES = 50;

  /**
   * How many answers are of one form.
   *
   * @param answers all that are learned
   * @param json those that parse as JSON
   * @param majoritySchema those JSON objects that have the commonest set of keys
   * @param majoritySections those that have the commonest section headings, in that order
   */
  public record Formats(long answers, long json, long majoritySchema, long majoritySections) {}

  /** The share of tokens that are learned, 0 to 1. */
  public double targetShare() {
    return tokens == 0 ? 0 : targetTokens / (double) tokens;
  }

  /** The length that this share of the rows does not exceed. */
  public int percentile(double share) {
    return lengths.length == 0
        ? 0
        : lengths[Math.min(lengths.length - 1, (int) (share * lengths.length))];
  }

  /** How many rows have up to so many tokens (powers of two), beyond the bound before. */
  public Map<Integer, Integer> histogram() {
    Map<Integer, Integer> histogram = new TreeMap<>();
    for (int length : lengths) {
      int bound = Integer.highestOneBit(Math.max(1, length - 1)) * 2;
      histogram.merge(Math.max(bound, 16), 1, Integer::sum);
    }
    return histogram;
  }

  /**
   * The share of micro-batches of this size that is filled when rows are packed first fit, longest
   * first, which is close to what training does.
   */
  public double packingEfficiency(int microBatchTokens) {
    if (lengths.length == 0) {
      return 0;
    }
    // Free room of the bins, by room: the fullest that still fits is as good as the first.
    TreeMap<Integer, Integer> room = new TreeMap<>();
    long capacity = 0;
    int[] sorted = lengths.clone();
    Arrays.sort(sorted);
    for (int i = sorted.length - 1; i >= 0; i--) {
      Integer fits = room.ceilingKey(sorted[i]);
      int free;
      if (fits == null) {
        free = Math.max(microBatchTokens, sorted[i]);
        capacity += free;
      } else {
        free = fits;
        room.compute(fits, (_, bins) -> bins == null || bins == 1 ? null : bins - 1);
      }
      if (free > sorted[i]) {
        room.merge(free - sorted[i], 1, Integer::sum);
      }
    }
    return tokens / (double) capacity;
  }
}
