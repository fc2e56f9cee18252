package dev.graft.trainer.kernels;

/**
 * The counter-based generator Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011): ten rounds of multiplying and mixing turn a key and a
 * 128-bit counter into four 32-bit numbers. No state, so any element of any mask can be drawn
 * alone, by any thread on any device.
 */
public final class Philox {

  private static final int ROUNDS = 10;
  // The paper's constants: multipliers found by search; the golden ratio and sqrt(3) - 1 as Weyl
  // increments of the key.
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private Philox() {}

  /**
   * Draws one block.
   *
   * @param key the low and the high word of the key
   * @param counterLow words 0 (low half) and 1 of the counter
   * @param counterHigh words 2 (low half) and 3 of the counter
   * @param out receives the four numbers, to be read as unsigned
   */
  public static void block(long key, long counterLow, long counterHigh, int[] out) {
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    int c0 = (int) counterLow;
    int c1 = (int) (counterLow >>> 32);
    int c2 = (int) counterHigh;
    int c3 = (int) (counterHigh >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * (c0 & 0xFFFFFFFFL);
      long product1 = MULTIPLIER_1 * (c2 & 0xFFFFFFFFL);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }

  /**
   * Draws the numbers of four neighbouring elements of a mask: key {@code seed}; counter words 0
   * and 1 hold {@code quad}, word 2 the place and word 3 the step.
   *
   * @param quad index of the first element divided by four
   * @param out receives the numbers of elements {@code 4 · quad} to {@code 4 · quad + 3}
   */
  public static void lanes(DropoutMask mask, long quad, int[] out) {
    lanes(mask.seed(), mask.step(), mask.place(), quad, out);
  }

  /** The same for noise. */
  public static void lanes(UniformNoise noise, long quad, int[] out) {
    lanes(noise.seed(), noise.step(), noise.place(), quad, out);
  }

  private static void lanes(long seed, int step, int place, long quad, int[] out) {
    block(seed, quad, ((long) step << 32) | (place & 0xFFFFFFFFL), out);
  }

  /**
   * The smallest number that keeps an element: it is kept when its number, unsigned, is at or above
   * this. Exact, because a float times 2^32 is exact in double.
   */
  public static long keepThreshold(float rate) {
    return (long) Math.ceil(rate * 0x1p32);
  }

  /** Whether an element whose number is {@code lane} is kept. */
  public static boolean keeps(int lane, long threshold) {
    return Integer.toUnsignedLong(lane) >= threshold;
  }
}
