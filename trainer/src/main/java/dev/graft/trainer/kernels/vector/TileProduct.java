package dev.graft.trainer.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.host.Memory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Small float32 products between tiles that lie in the cache, for attention: {@code C += A B}, with
 * six rows and two vectors of columns of C in registers. Twelve accumulators hide the latency of a
 * fused multiply-add on every core of the last ten years, and with the two vectors of B and one of
 * A they fill AVX2's sixteen registers.
 *
 * <p>A is read a number at a time, so it may lie transposed. Callers pad: rows of C to a multiple
 * of {@link #ROWS}, columns to a multiple of {@link #COLUMNS}.
 */
final class TileProduct {

  /** Rows of C that are computed together. */
  static final int ROWS = 6;

  /** Columns of C that are computed together. */
  static final int COLUMNS = 2 * Lanes.COUNT;

  private static final MemorySegment ALL = Memory.ALL;
  private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final long WIDE = 4L * Lanes.COUNT;

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
   * {@code C += A B}.
   *
   * @param rows of A and C, a multiple of {@link #ROWS}
   * @param columns of B and C, a multiple of {@link #COLUMNS}
   * @param depth columns of A, rows of B
   * @param a address; element (i, j) is {@code aRow · i + aStep · j} bytes further
   * @param b address; its rows are {@code bRow} bytes apart
   * @param c address; its rows are {@code cRow} bytes apart
   */
  static void multiplyAdd(
      int rows,
      int columns,
      int depth,
      long a,
      long aRow,
      long aStep,
      long b,
      long bRow,
      long c,
      long cRow) {
    for (int j = 0; j < columns; j += COLUMNS) {
      for (int i = 0; i < rows; i += ROWS) {
        block(depth, a + i * aRow, aRow, aStep, b + 4L * j, bRow, c + i * cRow + 4L * j, cRow);
      }
    }
  }

  /** One block of C. */
  private static void block(
      int depth, long a, long aRow, long aStep, long b, long bRow, long c, long cRow) {
    long c1 = c + cRow;
    long c2 = c1 + cRow;
    long c3 = c2 + cRow;
    long c4 = c3 + cRow;
    long c5 = c4 + cRow;
    FloatVector c00 = fromMemorySegment(FLOATS, ALL, c, ORDER);
    FloatVector c01 = fromMemorySegment(FLOATS, ALL, c + WIDE, ORDER);
    FloatVector c10 = fromMemorySegment(FLOATS, ALL, c1, ORDER);
    FloatVector c11 = fromMemorySegment(FLOATS, ALL, c1 + WIDE, ORDER);
    FloatVector c20 = fromMemorySegment(FLOATS, ALL, c2, ORDER);
    FloatVector c21 = fromMemorySegment(FLOATS, ALL, c2 + WIDE, ORDER);
    FloatVector c30 = fromMemorySegment(FLOATS, ALL, c3, ORDER);
    FloatVector c31 = fromMemorySegment(FLOATS, ALL, c3 + WIDE, ORDER);
    FloatVector c40 = fromMemorySegment(FLOATS, ALL, c4, ORDER);
    FloatVector c41 = fromMemorySegment(FLOATS, ALL, c4 + WIDE, ORDER);
    FloatVector c50 = fromMemorySegment(FLOATS, ALL, c5, ORDER);
    FloatVector c51 = fromMemorySegment(FLOATS, ALL, c5 + WIDE, ORDER);
    long a3 = a + 3 * aRow;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = fromMemorySegment(FLOATS, ALL, b, ORDER);
      FloatVector b1 = fromMemorySegment(FLOATS, ALL, b + WIDE, ORDER);
      FloatVector x = broadcast(FLOATS, ALL.get(JAVA_FLOAT_UNALIGNED, a));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = broadcast(FLOATS, ALL.get(JAVA_FLOAT_UNALIGNED, a + aRow));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = broadcast(FLOATS, ALL.get(JAVA_FLOAT_UNALIGNED, a + 2 * aRow));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = broadcast(FLOATS, ALL.get(JAVA_FLOAT_UNALIGNED, a3));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = broadcast(FLOATS, ALL.get(JAVA_FLOAT_UNALIGNED, a3 + aRow));
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = broadcast(FLOATS, ALL.get(JAVA_FLOAT_UNALIGNED, a3 + 2 * aRow));
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      a += aStep;
      a3 += aStep;
      b += bRow;
    }
    c00.intoMemorySegment(ALL, c, ORDER);
    c01.intoMemorySegment(ALL, c + WIDE, ORDER);
    c10.intoMemorySegment(ALL, c1, ORDER);
    c11.intoMemorySegment(ALL, c1 + WIDE, ORDER);
    c20.intoMemorySegment(ALL, c2, ORDER);
    c21.intoMemorySegment(ALL, c2 + WIDE, ORDER);
    c30.intoMemorySegment(ALL, c3, ORDER);
    c31.intoMemorySegment(ALL, c3 + WIDE, ORDER);
    c40.intoMemorySegment(ALL, c4, ORDER);
    c41.intoMemorySegment(ALL, c4 + WIDE, ORDER);
    c50.intoMemorySegment(ALL, c5, ORDER);
    c51.intoMemorySegment(ALL, c5 + WIDE, ORDER);
  }
}
