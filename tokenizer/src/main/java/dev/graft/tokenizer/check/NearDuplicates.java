package dev.graft.tokenizer.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Texts that share most of their phrases, found without comparing each with each: MinHash
 * signatures (Broder 1997) over shingles of {@value Shingles#WORDS} words, banded so that likely
 * pairs meet in a bucket (locality-sensitive hashing; Leskovec, Rajaraman, Ullman, chapter 3).
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

  /** Fewer phrases than this say nothing. */
  private static final int LITTLE = 3;

  /** So that thousands of texts from one form do not make millions of pairs. */
  private static final int MAX_BUCKET = 50;

  private final Boilerplate boilerplate;
  private final int agree;
  private final int[] factors = new int[HASHES];
  private final int[] addends = new int[HASHES];
  private final List<int[]> signatures = new ArrayList<>();
  private final Buckets buckets = new Buckets(BANDS);

  /** Nothing taken in yet, and every phrase counts. */
  public NearDuplicates() {
    this(Boilerplate.NONE);
  }

  /**
   * Nothing taken in yet.
   *
   * @param boilerplate phrases that do not count
   */
  public NearDuplicates(Boilerplate boilerplate) {
    this(boilerplate, AGREE);
  }

  /**
   * Nothing taken in yet.
   *
   * @param boilerplate phrases that do not count
   * @param agree places of {@value #HASHES} in which signatures have to agree
   */
  public NearDuplicates(Boilerplate boilerplate, int agree) {
    this.boilerplate = boilerplate;
    this.agree = agree;
    // The same in every run: findings must not change between two looks at the same data.
    SplittableRandom random = new SplittableRandom(20_260_101);
    for (int i = 0; i < HASHES; i++) {
      factors[i] = random.nextInt() | 1;
      addends[i] = random.nextInt();
    }
  }

  /**
   * A text's signature; threads may compute several at once. A text that is boilerplate and little
   * else is taken whole.
   *
   * @return (HASHES) the least hash over all shingles, by each hash function
   */
  public int[] signature(String text) {
    int[] least = new int[HASHES];
    Arrays.fill(least, Integer.MAX_VALUE);
    long[] shingles = Shingles.of(text);
    int own = 0;
    for (long shingle : shingles) {
      if (!boilerplate.contains(shingle)) {
        own++;
        add(shingle, least);
      }
    }
    if (own < LITTLE) {
      for (long shingle : shingles) {
        add(shingle, least);
      }
    }
    return least;
  }

  /** 32-bit arithmetic, which the compiler turns into vectors: 128 hashes in 16 steps on AVX2. */
  private void add(long shingle, int[] least) {
    int x = (int) (shingle >>> 32);
    for (int i = 0; i < HASHES; i++) {
      least[i] = Math.min(least[i], x * factors[i] + addends[i]);
    }
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
        key = Shingles.mixed(key * 31 + signature[band * ROWS + row]);
      }
      int slot = buckets.slot(key);
      int size = 0;
      for (int entry = buckets.first(slot); entry >= 0; entry = buckets.next(entry)) {
        int other = entry / BANDS;
        size++;
        if (!near.contains(other) && agreement(signature, signatures.get(other)) >= agree) {
          near.add(other);
        }
      }
      buckets.add(slot, number * BANDS + band, size < MAX_BUCKET);
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
