package dev.graft.modelio.peft;

import dev.graft.modelio.Projection;

/**
 * The adapter of one projection: the layer computes {@code W x + scale * B (A x)}.
 *
 * @param layer counted from 0
 * @param a {@code (rank, in)}, row-major
 * @param b {@code (out, rank)}, row-major
 */
// The arrays are handed over, not copied: adapters run to hundreds of MB.
@SuppressWarnings("ArrayRecordComponent")
public record LoraWeights(int layer, Projection projection, int rank, float[] a, float[] b) {
  public LoraWeights {
    if (rank < 1 || a.length % rank != 0 || b.length % rank != 0) {
      throw new IllegalArgumentException(
          "%s: A has %d elements and B %d, which no rank %d gives"
              .formatted(projection.path(layer), a.length, b.length, rank));
    }
  }

  /** Columns of A: the projection's input width. */
  public int inFeatures() {
    return a.length / rank;
  }

  /** Rows of B: the projection's output width. */
  public int outFeatures() {
    return b.length / rank;
  }
}
