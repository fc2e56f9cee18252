package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.Memory;
import jdk.incubator.vector.FloatVector;

/**
 * Small float32 products between tiles that lie in the cache, for attention: {@code C = A B} or
 * {@code C += A B}, with six rows and two vectors of columns of C in registers. Twelve accumulators
 * hide the latency of a fused multiply-add on every core of the last ten years, and with the two
 * vectors of B and one of A they fill AVX2's sixteen registers.
 *
 * <p>A is read a number at a time, so it may lie transposed. Callers pad: rows of C to a multiple
 * of {@link #ROWS}, columns to a multiple of {@link #COLUMNS}.
 */
final class TileProduct {

  /** Rows of C that are computed together. */
  static final int ROWS = 6;

  /** Columns of C that are computed together. */
  static final int COLUMNS = 2 * Lanes.COUNT;

  private TileProduct() {}

  /** Rounds up. */
  static int padRows(int rows) {
    return (rows + ROWS - 1) / ROWS * ROWS;
  }

  /** Rounds up. */
  static int padColumns(int columns) {
    return (columns + COLUMNS - 1) / COLUMNS * COLUMNS;
  }

  /**
   * {@code C = A B} or {@code C += A B}.
   *
   * @param rows of A and C, a multiple of {@link #ROWS}
   * @param columns of B and C, a multiple of {@link #COLUMNS}
   * @param depth columns of A, rows of B
   * @param a address; element (i, j) is {@code aRow · i + aStep · j} bytes further
   * @param b address; its rows are {@code bRow} bytes apart
   * @param c address; its rows are {@code cRow} bytes apart
   */
  static void multiply(
      int rows,
      int columns,
      int depth,
      long a,
      long aRow,
      long aStep,
      long b,
      long bRow,
      long c,
      long cRow,
      boolean accumulate) {
    for (int j = 0; j < columns; j += COLUMNS) {
      for (int i = 0; i < rows; i += ROWS) {
        block(
            depth,
            a + i * aRow,
            aRow,
            aStep,
            b + 4L * j,
            bRow,
            c + i * cRow + 4L * j,
            cRow,
            accumulate);
      }
    }
  }

  private static void block(
      int depth,
      long a,
      long aRow,
      long aStep,
      long b,
      long bRow,
      long c,
      long cRow,
      boolean accumulate) {
    long wide = 4L * Lanes.COUNT;
    FloatVector c00 = FloatVector.zero(Lanes.FLOATS);
    FloatVector c01 = c00;
    FloatVector c10 = c00;
    FloatVector c11 = c00;
    FloatVector c20 = c00;
    FloatVector c21 = c00;
    FloatVector c30 = c00;
    FloatVector c31 = c00;
    FloatVector c40 = c00;
    FloatVector c41 = c00;
    FloatVector c50 = c00;
    FloatVector c51 = c00;
    if (accumulate) {
      c00 = Lanes.load(c);
      c01 = Lanes.load(c + wide);
      c10 = Lanes.load(c + cRow);
      c11 = Lanes.load(c + cRow + wide);
      c20 = Lanes.load(c + 2 * cRow);
      c21 = Lanes.load(c + 2 * cRow + wide);
      c30 = Lanes.load(c + 3 * cRow);
      c31 = Lanes.load(c + 3 * cRow + wide);
      c40 = Lanes.load(c + 4 * cRow);
      c41 = Lanes.load(c + 4 * cRow + wide);
      c50 = Lanes.load(c + 5 * cRow);
      c51 = Lanes.load(c + 5 * cRow + wide);
    }
    long a3 = a + 3 * aRow;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = Lanes.load(b);
      FloatVector b1 = Lanes.load(b + wide);
      FloatVector x = broadcast(a);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = broadcast(a + aRow);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = broadcast(a + 2 * aRow);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = broadcast(a3);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = broadcast(a3 + aRow);
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = broadcast(a3 + 2 * aRow);
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      a += aStep;
      a3 += aStep;
      b += bRow;
    }
    Lanes.store(c, c00);
    Lanes.store(c + wide, c01);
    Lanes.store(c + cRow, c10);
    Lanes.store(c + cRow + wide, c11);
    Lanes.store(c + 2 * cRow, c20);
    Lanes.store(c + 2 * cRow + wide, c21);
    Lanes.store(c + 3 * cRow, c30);
    Lanes.store(c + 3 * cRow + wide, c31);
    Lanes.store(c + 4 * cRow, c40);
    Lanes.store(c + 4 * cRow + wide, c41);
    Lanes.store(c + 5 * cRow, c50);
    Lanes.store(c + 5 * cRow + wide, c51);
  }

  private static FloatVector broadcast(long address) {
    return FloatVector.broadcast(Lanes.FLOATS, Memory.getFloat(address));
  }
}
