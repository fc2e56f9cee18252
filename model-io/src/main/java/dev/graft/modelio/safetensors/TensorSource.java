package dev.graft.modelio.safetensors;

import java.lang.foreign.MemorySegment;

/** Produces the bytes of a tensor piece by piece, so that none needs to be in memory whole. */
@FunctionalInterface
public interface TensorSource {
  /**
   * Fills a piece. Pieces are asked for once each, in order from the tensor's beginning.
   *
   * @param firstByte the place of the piece's first byte in the tensor, a multiple of 8
   * @param piece to be filled, little-endian; 8-byte aligned
   */
  void fill(long firstByte, MemorySegment piece);
}
