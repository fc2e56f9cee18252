package dev.graft.tokenizer.check;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Numbers about the data.
 *
 * @param rows rows that could be read
 * @param tokens all tokens; 0 where no tokenizer was given
 * @param targetTokens those that are learned
 * @param charactersByRole characters of content
 * @param lengths (rows) tokens of each row, ascending; empty where no tokenizer was given
 */
@SuppressWarnings("ArrayRecordComponent") // 4 bytes a row instead of 20, never compared
public record Statistics(
    long rows, long tokens, long targetTokens, Map<String, Long> charactersByRole, int[] lengths) {
  /** The share of tokens that are learned, 0 to 1. */
  public double targetShare() {
    return tokens == 0 ? 0 : targetTokens / (double) tokens;
  }

  /**
   * Tokens by role, as far as that can be said: what the assistant says is counted, the rest is
   * shared out by characters, with the template's markup.
   */
  public Map<String, Long> tokensByRole() {
    long others = 0;
    for (Map.Entry<String, Long> role : charactersByRole.entrySet()) {
      others += role.getKey().equals("assistant") ? 0 : role.getValue();
    }
    Map<String, Long> byRole = new LinkedHashMap<>();
    for (Map.Entry<String, Long> role : charactersByRole.entrySet()) {
      byRole.put(
          role.getKey(),
          role.getKey().equals("assistant")
              ? targetTokens
              : Math.round((tokens - targetTokens) * (role.getValue() / Math.max(1.0, others))));
    }
    return byRole;
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
