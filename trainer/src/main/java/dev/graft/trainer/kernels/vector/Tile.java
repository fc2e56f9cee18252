package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;

/** What the tiles of attention's forward and backward have in common. */
final class Tile {

  private Tile() {}

  /** Lays runs of floats behind each other in scratch, each 64-byte aligned. */
  static long[] layOut(Scratch scratch, long... floats) {
    long[] at = new long[floats.length];
    long bytes = 0;
    for (int i = 0; i < at.length; i++) {
      at[i] = bytes;
      bytes += (4 * floats[i] + 63) / 64 * 64;
    }
    long base = scratch.reserve(bytes);
    for (int i = 0; i < at.length; i++) {
      at[i] += base;
    }
    return at;
  }

  /** The offset behind a run of floats that begins at {@code offset}, rounded up to 64 bytes. */
  static long after(long offset, long floats) {
    return (offset + 4 * floats + 63) / 64 * 64;
  }

  /** Overwrites a row of {@code columns} floats outside of {@code [from, to)}. */
  static void fillOutside(long row, int from, int to, int columns, float value) {
    for (int i = 0; i < Math.min(from, columns); i++) {
      Memory.putFloat(row + 4L * i, value);
    }
    for (int i = Math.max(0, to); i < columns; i++) {
      Memory.putFloat(row + 4L * i, value);
    }
  }
}
