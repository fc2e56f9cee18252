package dev.graft.modelio.peft;

import dev.graft.modelio.Projection;

/**
 * The adapter of one projection: the layer computes {@code W x + scale * B (A x)}; with magnitudes
 * m (DoRA) that is multiplied with m / ‖W + scale * B A‖, the lengths being those of the rows.
 *
 * @param layer counted from 0
 * @param a {@code (rank, in)}, row-major
 * @param b {@code (out, rank)}, row-major
 * @param magnitude {@code (out)}; empty without DoRA
 */
// The arrays are handed over, not copied: adapters run to hundreds of MB.
@SuppressWarnings("ArrayRecordComponent")
public record LoraWeights(
    int layer, Projection projection, int rank, float[] a, float[] b, float[] magnitude) {
  public LoraWeights {
    if (rank < 1 || a.length % rank != 0 || b.length % rank != 0) {
      throw new IllegalArgumentException(
          "%s: A has %d elements and B %d, which no rank %d gives"
              .formatted(projection.path(layer), a.length, b.length, rank));
    }
    if (magnitude.length != 0 && magnitude.length != b.length / rank) {
      throw new IllegalArgumentException(
          "%s: %d magnitudes for %d outputs"
              .formatted(projection.path(layer), magnitude.length, b.length / rank));
    }
  }

  /** Without magnitudes. */
  public LoraWeights(int layer, Projection projection, int rank, float[] a, float[] b) {
    this(layer, projection, rank, a, b, new float[0]);
  }

  /** Whether this is DoRA. */
  public boolean hasMagnitude() {
    return magnitude.length > 0;
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
