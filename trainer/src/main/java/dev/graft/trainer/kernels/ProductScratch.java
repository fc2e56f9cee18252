package dev.graft.trainer.kernels;

/**
 * Working memory of products {@code C = A B} beside their operands, in bytes. Kernels keep it
 * between products and only let it grow.
 *
 * @param a a copy of A in another type, where products cannot read A as it is
 * @param b likewise
 * @param c likewise
 * @param library what the library that multiplies asks for
 */
public record ProductScratch(long a, long b, long c, long library) {

  /** None at all. */
  public static final ProductScratch NONE = new ProductScratch(0, 0, 0, 0);

  /** What serves both products, one after the other. */
  public ProductScratch max(ProductScratch other) {
    return new ProductScratch(
        Math.max(a, other.a),
        Math.max(b, other.b),
        Math.max(c, other.c),
        Math.max(library, other.library));
  }

  /** All of it. */
  public long total() {
    return a + b + c + library;
  }
}
