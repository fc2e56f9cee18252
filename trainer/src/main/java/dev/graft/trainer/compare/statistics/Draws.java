package dev.graft.trainer.compare.statistics;

/**
 * Random numbers that are the same on every machine and in every language: SplitMix64 (Steele, Lea,
 * Flood 2014).
 */
final class Draws {

  private long state;

  Draws(long seed) {
    this.state = seed;
  }

  long nextLong() {
    state += 0x9E3779B97F4A7C15L;
    long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** 0 to bound - 1: the upper word of the product, uneven by less than bound / 2^64. */
  int below(int bound) {
    return (int) Math.unsignedMultiplyHigh(nextLong(), bound);
  }
}
