package dev.graft.tokenizer.check;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Phrases that stand in many rows, such as the instruction that every prompt begins with. Rows are
 * not alike because they have them: without this, rows of a long common instruction and a short
 * text of their own would all be near duplicates.
 */
public final class Boilerplate {
  /** No phrase is common. */
  public static final Boilerplate NONE = new Boilerplate(new long[0]);

  private static final int FILTER_BITS = 1 << 16;

  /** How many texts are enough to tell from. */
  public static final int SAMPLE = 512;

  private static final int LEAST_TEXTS = 10;
  private static final double SHARE = 0.1;

  private final long[] phrases;

  /** A bit for each phrase, by its lowest bits: says no at once, for nearly all others. */
  private final long[] filter = new long[FILTER_BITS / Long.SIZE];

  private Boilerplate(long[] phrases) {
    this.phrases = phrases;
    for (long phrase : phrases) {
      filter[word(phrase)] |= 1L << phrase;
    }
  }

  private static int word(long phrase) {
    return (int) (phrase >>> 6) & (FILTER_BITS / Long.SIZE - 1);
  }

  /**
   * The phrases that a tenth of some texts have, and no fewer than {@value #LEAST_TEXTS} of them.
   * The same text counts once: copies are what is looked for, and do not make a phrase common.
   */
  public static Boilerplate of(List<String> texts) {
    List<String> distinct = texts.stream().distinct().toList();
    Map<Long, Integer> counts = new HashMap<>();
    for (String text : distinct) {
      Arrays.stream(Shingles.of(text)).distinct().forEach(it -> counts.merge(it, 1, Integer::sum));
    }
    double wanted = Math.max(LEAST_TEXTS, distinct.size() * SHARE);
    return new Boilerplate(
        counts.entrySet().stream()
            .filter(entry -> entry.getValue() >= wanted)
            .mapToLong(Map.Entry::getKey)
            .sorted()
            .toArray());
  }

  boolean contains(long shingle) {
    return (filter[word(shingle)] & (1L << shingle)) != 0
        && Arrays.binarySearch(phrases, shingle) >= 0;
  }
}
