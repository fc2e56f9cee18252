package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/**
 * One head's columns of a (T, heads · hd) matrix, moved between there and float32 tiles in scratch.
 */
final class HeadMatrix {

  private final ElementType type;
  private final long base;
  private final long rowBytes;
  private final int headDim;

  HeadMatrix(Tensor tensor, int headDim) {
    this.type = tensor.type();
    this.base = HostBuffer.address(tensor);
    this.rowBytes = HostBuffer.rowBytes(tensor);
    this.headDim = headDim;
  }

  /** Where a row of a head begins. */
  long address(int head, int row) {
    return base + row * rowBytes + (long) head * headDim * type.bytes();
  }

  /** A row of a head in float32: where it lies, or widened into {@code wide}. */
  long wide(int head, int row, long wide) {
    if (type == ElementType.F32) {
      return address(head, row);
    }
    Elements.widen(type, address(head, row), wide, headDim);
    return wide;
  }

  /**
   * Rows {@code [from, to)} times {@code factor}, then rows of zeros up to {@code paddedRows},
   * {@code paddedColumns} wide.
   */
  void read(
      int head, int from, int to, float factor, long tile, int paddedRows, int paddedColumns) {
    long row = tile;
    for (int r = from; r < to; r++, row += 4L * paddedColumns) {
      Elements.convert(type, address(head, r), ElementType.F32, row, headDim);
      if (factor != 1) {
        scale(row, factor);
      }
      clear(row + 4L * headDim, paddedColumns - headDim);
    }
    clear(row, (long) (paddedRows - (to - from)) * paddedColumns);
  }

  /**
   * Rows {@code [from, to)} transposed: blocks of {@code block} rows, each block (hd, block),
   * padded with zeros.
   *
   * @param row headDim floats to work with
   */
  void readTransposed(int head, int from, int to, int block, long panel, long row) {
    for (int first = from; first < to; first += block) {
      long target = panel + 4L * (first - from) * headDim;
      int rows = Math.min(block, to - first);
      for (int r = 0; r < rows; r++) {
        Elements.convert(type, address(head, first + r), ElementType.F32, row, headDim);
        for (int d = 0; d < headDim; d++) {
          Memory.putFloat(target + 4L * ((long) d * block + r), Memory.getFloat(row + 4L * d));
        }
      }
      for (int d = 0; d < headDim; d++) {
        clear(target + 4L * ((long) d * block + rows), block - rows);
      }
    }
  }

  /** Writes {@code rows} rows times {@code factor}. */
  void write(int head, int first, int rows, float factor, long tile, int paddedColumns) {
    for (int r = 0; r < rows; r++) {
      writeRow(head, first + r, factor, tile + 4L * r * paddedColumns);
    }
  }

  /** Writes one row times {@code factor}, which is scaled in place. */
  void writeRow(int head, int row, float factor, long values) {
    if (factor != 1) {
      scale(values, factor);
    }
    Elements.convert(ElementType.F32, values, type, address(head, row), headDim);
  }

  private void scale(long row, float factor) {
    int i = 0;
    for (; i <= headDim - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector v = fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER);
      v.mul(factor).intoMemorySegment(ALL, row + 4L * i, ORDER);
    }
    for (; i < headDim; i++) {
      Memory.putFloat(row + 4L * i, Memory.getFloat(row + 4L * i) * factor);
    }
  }

  static void clear(long address, long floats) {
    if (floats > 0) {
      Memory.clear(address, 4L * floats);
    }
  }
}
