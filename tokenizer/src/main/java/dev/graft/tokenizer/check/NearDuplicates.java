package dev.graft.tokenizer.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Texts that share most of their phrases, found without comparing each with each: MinHash
 * signatures (Broder 1997) over shingles of {@value #WORDS} words, banded so that likely pairs meet
 * in a bucket (locality-sensitive hashing; Leskovec, Rajaraman, Ullman, chapter 3).
 *
 * <p>With {@value #BANDS} bands of {@value #ROWS} hashes two texts whose Jaccard similarity is 0.8
 * meet with probability 0.9999; a pair that has met counts if its signatures agree in {@value
 * #AGREE} of {@value #HASHES} places or more, which is 0.8 within 0.035.
 */
public final class NearDuplicates {
  static final int HASHES = 128;
  static final int ROWS = 6;
  static final int BANDS = 21;
  static final int AGREE = 102;
  private static final int WORDS = 5;

  /** So that thousands of texts from one form do not make millions of pairs. */
  private static final int MAX_BUCKET = 50;

  private final long[] factors = new long[HASHES];
  private final long[] addends = new long[HASHES];
  private final List<int[]> signatures = new ArrayList<>();
  private final Map<Long, List<Integer>> buckets = new HashMap<>();

  /** Nothing taken in yet. */
  public NearDuplicates() {
    // The same in every run: findings must not change between two looks at the same data.
    SplittableRandom random = new SplittableRandom(20_260_101);
    for (int i = 0; i < HASHES; i++) {
      factors[i] = random.nextLong() | 1;
      addends[i] = random.nextLong();
    }
  }

  /**
   * A text's signature; threads may compute several at once.
   *
   * @return (HASHES) the least hash over all shingles, by each hash function
   */
  public int[] signature(String text) {
    int[] least = new int[HASHES];
    Arrays.fill(least, Integer.MAX_VALUE);
    long[] window = new long[WORDS];
    int words = 0;
    int i = 0;
    while (i < text.length()) {
      if (!Character.isLetterOrDigit(text.charAt(i))) {
        i++;
        continue;
      }
      long word = 0xCBF29CE484222325L;
      while (i < text.length() && Character.isLetterOrDigit(text.charAt(i))) {
        word = (word ^ Character.toLowerCase(text.charAt(i))) * 0x100000001B3L;
        i++;
      }
      window[words++ % WORDS] = word;
      if (words >= WORDS) {
        add(shingle(window, words, WORDS), least);
      }
    }
    if (words < WORDS) {
      add(shingle(window, words, words), least);
    }
    return least;
  }

  private static long shingle(long[] window, int end, int length) {
    long hash = length;
    for (int i = end - length; i < end; i++) {
      hash = mixed(hash * 31 + window[i % WORDS]);
    }
    return hash;
  }

  private void add(long shingle, int[] least) {
    for (int i = 0; i < HASHES; i++) {
      int hash = (int) ((shingle * factors[i] + addends[i]) >>> 32) & Integer.MAX_VALUE;
      least[i] = Math.min(least[i], hash);
    }
  }

  /** Stafford's mix 13, the finalizer of SplittableRandom. */
  private static long mixed(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }

  /**
   * Takes in a text and finds those taken in before that it resembles.
   *
   * @return their numbers in order, counted from 0; of many that are all alike, some
   */
  public List<Integer> add(int[] signature) {
    int number = signatures.size();
    signatures.add(signature);
    List<Integer> near = new ArrayList<>();
    for (int band = 0; band < BANDS; band++) {
      long key = band;
      for (int row = 0; row < ROWS; row++) {
        key = mixed(key * 31 + signature[band * ROWS + row]);
      }
      List<Integer> bucket = buckets.computeIfAbsent(key, _ -> new ArrayList<>(1));
      for (int other : bucket) {
        if (!near.contains(other) && agreement(signature, signatures.get(other)) >= AGREE) {
          near.add(other);
        }
      }
      if (bucket.size() < MAX_BUCKET) {
        bucket.add(number);
      }
    }
    near.sort(null);
    return near;
  }

  /** The share of phrases that two texts have in common, estimated. */
  public double similarity(int first, int second) {
    return agreement(signatures.get(first), signatures.get(second)) / (double) HASHES;
  }

  private static int agreement(int[] first, int[] second) {
    int same = 0;
    for (int i = 0; i < HASHES; i++) {
      same += first[i] == second[i] ? 1 : 0;
    }
    return same;
  }
}
