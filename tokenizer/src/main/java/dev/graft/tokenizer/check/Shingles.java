package dev.graft.tokenizer.check;

import java.util.Arrays;

/**
 * The phrases of a text: every run of {@value #WORDS} words, hashed; case and punctuation aside.
 */
final class Shingles {
  static final int WORDS = 5;

  private Shingles() {}

  /**
   * The hashes, one for each phrase, repeated where the phrase is.
   *
   * @return (words - 4) or, for fewer than {@value #WORDS} words, one for all of them
   */
  static long[] of(String text) {
    long[] shingles = new long[Math.max(16, text.length() / 6)];
    int count = 0;
    long[] window = new long[WORDS];
    int words = 0;
    int i = 0;
    int length = text.length();
    while (i < length) {
      char c = text.charAt(i++);
      if (!isWord(c)) {
        continue;
      }
      long word = 0xCBF29CE484222325L;
      while (true) {
        word = (word ^ lower(c)) * 0x100000001B3L;
        if (i == length) {
          break;
        }
        c = text.charAt(i++);
        if (!isWord(c)) {
          break;
        }
      }
      window[words++ % WORDS] = word;
      if (words >= WORDS) {
        if (count == shingles.length) {
          shingles = Arrays.copyOf(shingles, count * 2);
        }
        shingles[count++] = shingle(window, words, WORDS);
      }
    }
    if (words < WORDS) {
      shingles[count++] = shingle(window, words, words);
    }
    return Arrays.copyOf(shingles, count);
  }

  private static boolean isWord(char c) {
    return c < 128
        ? (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        : Character.isLetterOrDigit(c);
  }

  private static char lower(char c) {
    return c < 128 ? (c >= 'A' && c <= 'Z' ? (char) (c + 32) : c) : Character.toLowerCase(c);
  }

  private static long shingle(long[] window, int end, int length) {
    long hash = length;
    for (int i = end - length; i < end; i++) {
      hash = mixed(hash * 31 + window[i % WORDS]);
    }
    return hash;
  }

  /** Stafford's mix 13, the finalizer of SplittableRandom. */
  static long mixed(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }
}
