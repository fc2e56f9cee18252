package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.INTS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@code y = x Wᵀ} for a few rows of x, as in decoding: W is read from memory once, and used for
 * all rows while it is in the cache.
 *
 * <p><b>A row's result does not depend on the other rows.</b> However many there are, and whoever
 * computes them, each number of y is the sum of two vectors of partial sums, which take turns along
 * K, and of what is left at the end of K: always the same additions in the same order.
 *
 * <p>bfloat16 weights are widened in registers, two to a 32-bit lane: a shift gives the even ones,
 * a mask the odd ones, and x is laid out to match ({@link #layOut}). That takes half as many
 * instructions as widening 16-bit lanes to 32-bit ones, and this loop has to keep up with memory.
 */
public final class MatrixVector {

  /** Rows of x up to which results are made here; more are for a matrix product. */
  public static final int ROWS = 64;

  /** Elements of K that the two vectors of partial sums take in one turn. */
  private static final int TURN = 2 * Lanes.COUNT;

  private static final long VECTOR = 4L * Lanes.COUNT;

  /**
   * Weights that are used for all rows before the next ones are read: they stay in the L2 cache.
   */
  private static final int BLOCK_BYTES = 128 * 1024;

  private MatrixVector() {}

  /**
   * Writes rows of x as {@link #multiply} reads them: in float32, and for bfloat16 weights, in each
   * turn, the even elements before the odd ones.
   *
   * @param target room for (rows, K) floats
   */
  public static void layOut(Tensor x, Tensor w, long target, int from, int to) {
    int k = x.columns();
    for (int row = from; row < to; row++) {
      long in = HostBuffer.address(x) + row * HostBuffer.rowBytes(x);
      long out = target + 4L * k * row;
      if (w.type() == ElementType.BF16) {
        evenBeforeOdd(x.type(), in, out, k);
      } else {
        Elements.widen(x.type(), in, out, k);
      }
    }
  }

  private static void evenBeforeOdd(ElementType type, long in, long out, int k) {
    int bytes = type.bytes();
    int whole = k / TURN * TURN;
    for (int turn = 0; turn < whole; turn += TURN) {
      for (int i = 0; i < Lanes.COUNT; i++) {
        long even = in + (long) bytes * (turn + 2 * i);
        Memory.putFloat(out + 4L * (turn + i), Elements.get(type, even));
        Memory.putFloat(out + 4L * (turn + i) + VECTOR, Elements.get(type, even + bytes));
      }
    }
    for (int i = whole; i < k; i++) {
      Memory.putFloat(out + 4L * i, Elements.get(type, in + (long) bytes * i));
    }
  }

  /**
   * The columns {@code [from, to)} of y, which belong to these rows of W.
   *
   * @param x {@code rows} rows, laid out for this W
   * @param y float32 or bfloat16
   */
  public static void multiply(
      long x, int rows, Tensor w, Tensor y, boolean accumulate, Scratch scratch, int from, int to) {
    long sums = scratch.reserve(6 * VECTOR + (w.type() == ElementType.F16 ? 8L * w.columns() : 0));
    var out = new Columns(x, w, y, accumulate, sums);
    if (rows == 1) {
      out.single(from, to);
      return;
    }
    int block = Math.max(2, (int) (BLOCK_BYTES / HostBuffer.rowBytes(w)) / 2 * 2);
    for (int first = from; first < to; first += block) {
      int end = Math.min(to, first + block);
      for (int row = 0; row < rows; row += 3) {
        for (int column = first; column < end; column += 2) {
          out.pair(row, Math.min(3, rows - row), column, Math.min(column + 1, end - 1));
        }
      }
    }
  }

  /**
   * @param sums room for six vectors, and behind them for two rows of W in float32 where W is
   *     float16
   */
  private record Columns(long x, Tensor w, Tensor y, boolean accumulate, long sums) {

    /**
     * The one row of y, two or four columns at once that lie far apart: a processor reads ahead
     * along a few long runs of memory as fast as it can, and stumbles over short ones side by side.
     */
    void single(int from, int to) {
      int column = from;
      if (w.type() == ElementType.BF16) {
        int quarter = (to - from) / 4;
        for (; column < from + quarter; column++) {
          four(column, quarter);
        }
        column = from + 4 * quarter;
      }
      int half = (to - column) / 2;
      for (int end = column + half; column < end; column++) {
        pair(0, 1, column, column + half);
      }
      column += half;
      if (column < to) {
        pair(0, 1, column, column);
      }
    }

    /** One to three rows of y in two columns, or in one that is named twice. */
    void pair(int row, int rows, int column, int other) {
      int k = w.columns();
      ElementType type = w.type();
      long first = HostBuffer.address(w) + column * HostBuffer.rowBytes(w);
      long second = HostBuffer.address(w) + other * HostBuffer.rowBytes(w);
      if (type == ElementType.F16) {
        long wide = sums + 6 * VECTOR;
        Elements.widen(type, first, wide, k);
        Elements.widen(type, second, wide + 4L * k, k);
        first = wide;
        second = wide + 4L * k;
        type = ElementType.F32;
      }
      long x0 = x + 4L * k * row;
      if (rows == 1) {
        oneRow(type, x0, first, second, k / TURN * TURN, sums);
      } else {
        // A row that is not there is another one again, and its sum is not looked at.
        long x2 = rows > 2 ? x0 + 8L * k : x0;
        threeRows(type, x0, x0 + 4L * k, x2, first, second, k / TURN * TURN, sums);
      }
      for (int i = 0; i < rows; i++) {
        long in = x0 + 4L * k * i;
        put(row + i, column, sum(sums + 2L * i * VECTOR) + rest(in, type, first, k));
        if (other != column) {
          put(row + i, other, sum(sums + (2L * i + 1) * VECTOR) + rest(in, type, second, k));
        }
      }
    }

    /** The one row of y in four columns, each {@code apart} from the one before. */
    private void four(int column, int apart) {
      int k = w.columns();
      long first = HostBuffer.address(w) + column * HostBuffer.rowBytes(w);
      long step = apart * HostBuffer.rowBytes(w);
      oneRowFourBrain(x, first, step, k / TURN * TURN, sums);
      for (int i = 0; i < 4; i++) {
        float rest = rest(x, ElementType.BF16, first + i * step, k);
        put(0, column + i * apart, sum(sums + i * VECTOR) + rest);
      }
    }

    private void put(int row, int column, float value) {
      long at =
          HostBuffer.address(y) + row * HostBuffer.rowBytes(y) + (long) column * y.type().bytes();
      Elements.put(y.type(), at, accumulate ? value + Elements.get(y.type(), at) : value);
    }
  }

  /** The lanes of a vector in memory, always in the same order. */
  private static float sum(long vector) {
    float sum0 = 0;
    float sum1 = 0;
    for (int i = 0; i < Lanes.COUNT; i += 2) {
      sum0 += Memory.getFloat(vector + 4L * i);
      sum1 += Memory.getFloat(vector + 4L * i + 4);
    }
    return sum0 + sum1;
  }

  /** What is left at the end of K. */
  private static float rest(long x, ElementType type, long w, int k) {
    float rest = 0;
    for (int i = k / TURN * TURN; i < k; i++) {
      float weight = Elements.get(type, w + (long) i * type.bytes());
      rest = Math.fma(weight, Memory.getFloat(x + 4L * i), rest);
    }
    return rest;
  }

  private static void oneRow(ElementType type, long x, long w0, long w1, int k, long sums) {
    if (type == ElementType.BF16) {
      oneRowBrain(x, w0, w1, k, sums);
    } else {
      oneRowFloat(x, w0, w1, k, sums);
    }
  }

  private static void threeRows(
      ElementType type, long x0, long x1, long x2, long w0, long w1, int k, long sums) {
    if (type == ElementType.BF16) {
      threeRowsBrain(x0, x1, x2, w0, w1, k, sums);
    } else {
      threeRowsFloat(x0, x1, x2, w0, w1, k, sums);
    }
  }

  private static void oneRowBrain(long x, long w0, long w1, int k, long sums) {
    FloatVector even0 = FloatVector.zero(FLOATS);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    for (int i = 0; i < k; i += TURN) {
      FloatVector even = fromMemorySegment(FLOATS, ALL, x + 4L * i, ORDER);
      FloatVector odd = fromMemorySegment(FLOATS, ALL, x + 4L * i + VECTOR, ORDER);
      IntVector weights0 = IntVector.fromMemorySegment(INTS, ALL, w0 + 2L * i, ORDER);
      IntVector weights1 = IntVector.fromMemorySegment(INTS, ALL, w1 + 2L * i, ORDER);
      even0 = Lanes.evenBrain(weights0).fma(even, even0);
      odd0 = Lanes.oddBrain(weights0).fma(odd, odd0);
      even1 = Lanes.evenBrain(weights1).fma(even, even1);
      odd1 = Lanes.oddBrain(weights1).fma(odd, odd1);
    }
    even0.add(odd0).intoMemorySegment(ALL, sums, ORDER);
    even1.add(odd1).intoMemorySegment(ALL, sums + VECTOR, ORDER);
  }

  /** Four rows of W at once, each {@code step} bytes from the one before: more loads in flight. */
  private static void oneRowFourBrain(long x, long w0, long step, int k, long sums) {
    FloatVector even0 = FloatVector.zero(FLOATS);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    FloatVector even2 = even0;
    FloatVector odd2 = even0;
    FloatVector even3 = even0;
    FloatVector odd3 = even0;
    long w1 = w0 + step;
    long w2 = w1 + step;
    long w3 = w2 + step;
    for (int i = 0; i < k; i += TURN) {
      long at = 2L * i;
      FloatVector even = fromMemorySegment(FLOATS, ALL, x + 2 * at, ORDER);
      FloatVector odd = fromMemorySegment(FLOATS, ALL, x + 2 * at + VECTOR, ORDER);
      IntVector weights = IntVector.fromMemorySegment(INTS, ALL, w0 + at, ORDER);
      even0 = Lanes.evenBrain(weights).fma(even, even0);
      odd0 = Lanes.oddBrain(weights).fma(odd, odd0);
      weights = IntVector.fromMemorySegment(INTS, ALL, w1 + at, ORDER);
      even1 = Lanes.evenBrain(weights).fma(even, even1);
      odd1 = Lanes.oddBrain(weights).fma(odd, odd1);
      weights = IntVector.fromMemorySegment(INTS, ALL, w2 + at, ORDER);
      even2 = Lanes.evenBrain(weights).fma(even, even2);
      odd2 = Lanes.oddBrain(weights).fma(odd, odd2);
      weights = IntVector.fromMemorySegment(INTS, ALL, w3 + at, ORDER);
      even3 = Lanes.evenBrain(weights).fma(even, even3);
      odd3 = Lanes.oddBrain(weights).fma(odd, odd3);
    }
    even0.add(odd0).intoMemorySegment(ALL, sums, ORDER);
    even1.add(odd1).intoMemorySegment(ALL, sums + VECTOR, ORDER);
    even2.add(odd2).intoMemorySegment(ALL, sums + 2 * VECTOR, ORDER);
    even3.add(odd3).intoMemorySegment(ALL, sums + 3 * VECTOR, ORDER);
  }

  private static void oneRowFloat(long x, long w0, long w1, int k, long sums) {
    FloatVector even0 = FloatVector.zero(FLOATS);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    for (int i = 0; i < k; i += TURN) {
      long at = 4L * i;
      FloatVector even = fromMemorySegment(FLOATS, ALL, x + at, ORDER);
      FloatVector odd = fromMemorySegment(FLOATS, ALL, x + at + VECTOR, ORDER);
      even0 = fromMemorySegment(FLOATS, ALL, w0 + at, ORDER).fma(even, even0);
      odd0 = fromMemorySegment(FLOATS, ALL, w0 + at + VECTOR, ORDER).fma(odd, odd0);
      even1 = fromMemorySegment(FLOATS, ALL, w1 + at, ORDER).fma(even, even1);
      odd1 = fromMemorySegment(FLOATS, ALL, w1 + at + VECTOR, ORDER).fma(odd, odd1);
    }
    even0.add(odd0).intoMemorySegment(ALL, sums, ORDER);
    even1.add(odd1).intoMemorySegment(ALL, sums + VECTOR, ORDER);
  }

  // Twelve sums and four vectors of weights fill AVX2's sixteen registers; x comes from memory.

  private static void threeRowsBrain(
      long x0, long x1, long x2, long w0, long w1, int k, long sums) {
    FloatVector even00 = FloatVector.zero(FLOATS);
    FloatVector odd00 = even00;
    FloatVector even01 = even00;
    FloatVector odd01 = even00;
    FloatVector even10 = even00;
    FloatVector odd10 = even00;
    FloatVector even11 = even00;
    FloatVector odd11 = even00;
    FloatVector even20 = even00;
    FloatVector odd20 = even00;
    FloatVector even21 = even00;
    FloatVector odd21 = even00;
    for (int i = 0; i < k; i += TURN) {
      long at = 4L * i;
      IntVector weights0 = IntVector.fromMemorySegment(INTS, ALL, w0 + 2L * i, ORDER);
      IntVector weights1 = IntVector.fromMemorySegment(INTS, ALL, w1 + 2L * i, ORDER);
      FloatVector w = Lanes.evenBrain(weights0);
      even00 = w.fma(fromMemorySegment(FLOATS, ALL, x0 + at, ORDER), even00);
      even10 = w.fma(fromMemorySegment(FLOATS, ALL, x1 + at, ORDER), even10);
      even20 = w.fma(fromMemorySegment(FLOATS, ALL, x2 + at, ORDER), even20);
      w = Lanes.evenBrain(weights1);
      even01 = w.fma(fromMemorySegment(FLOATS, ALL, x0 + at, ORDER), even01);
      even11 = w.fma(fromMemorySegment(FLOATS, ALL, x1 + at, ORDER), even11);
      even21 = w.fma(fromMemorySegment(FLOATS, ALL, x2 + at, ORDER), even21);
      at += VECTOR;
      w = Lanes.oddBrain(weights0);
      odd00 = w.fma(fromMemorySegment(FLOATS, ALL, x0 + at, ORDER), odd00);
      odd10 = w.fma(fromMemorySegment(FLOATS, ALL, x1 + at, ORDER), odd10);
      odd20 = w.fma(fromMemorySegment(FLOATS, ALL, x2 + at, ORDER), odd20);
      w = Lanes.oddBrain(weights1);
      odd01 = w.fma(fromMemorySegment(FLOATS, ALL, x0 + at, ORDER), odd01);
      odd11 = w.fma(fromMemorySegment(FLOATS, ALL, x1 + at, ORDER), odd11);
      odd21 = w.fma(fromMemorySegment(FLOATS, ALL, x2 + at, ORDER), odd21);
    }
    even00.add(odd00).intoMemorySegment(ALL, sums, ORDER);
    even01.add(odd01).intoMemorySegment(ALL, sums + VECTOR, ORDER);
    even10.add(odd10).intoMemorySegment(ALL, sums + 2 * VECTOR, ORDER);
    even11.add(odd11).intoMemorySegment(ALL, sums + 3 * VECTOR, ORDER);
    even20.add(odd20).intoMemorySegment(ALL, sums + 4 * VECTOR, ORDER);
    even21.add(odd21).intoMemorySegment(ALL, sums + 5 * VECTOR, ORDER);
  }

  private static void threeRowsFloat(
      long x0, long x1, long x2, long w0, long w1, int k, long sums) {
    FloatVector even00 = FloatVector.zero(FLOATS);
    FloatVector odd00 = even00;
    FloatVector even01 = even00;
    FloatVector odd01 = even00;
    FloatVector even10 = even00;
    FloatVector odd10 = even00;
    FloatVector even11 = even00;
    FloatVector odd11 = even00;
    FloatVector even20 = even00;
    FloatVector odd20 = even00;
    FloatVector even21 = even00;
    FloatVector odd21 = even00;
    for (int i = 0; i < k; i += TURN) {
      long at = 4L * i;
      FloatVector a = fromMemorySegment(FLOATS, ALL, w0 + at, ORDER);
      FloatVector b = fromMemorySegment(FLOATS, ALL, w1 + at, ORDER);
      FloatVector x = fromMemorySegment(FLOATS, ALL, x0 + at, ORDER);
      even00 = a.fma(x, even00);
      even01 = b.fma(x, even01);
      x = fromMemorySegment(FLOATS, ALL, x1 + at, ORDER);
      even10 = a.fma(x, even10);
      even11 = b.fma(x, even11);
      x = fromMemorySegment(FLOATS, ALL, x2 + at, ORDER);
      even20 = a.fma(x, even20);
      even21 = b.fma(x, even21);
      at += VECTOR;
      a = fromMemorySegment(FLOATS, ALL, w0 + at, ORDER);
      b = fromMemorySegment(FLOATS, ALL, w1 + at, ORDER);
      x = fromMemorySegment(FLOATS, ALL, x0 + at, ORDER);
      odd00 = a.fma(x, odd00);
      odd01 = b.fma(x, odd01);
      x = fromMemorySegment(FLOATS, ALL, x1 + at, ORDER);
      odd10 = a.fma(x, odd10);
      odd11 = b.fma(x, odd11);
      x = fromMemorySegment(FLOATS, ALL, x2 + at, ORDER);
      odd20 = a.fma(x, odd20);
      odd21 = b.fma(x, odd21);
    }
    even00.add(odd00).intoMemorySegment(ALL, sums, ORDER);
    even01.add(odd01).intoMemorySegment(ALL, sums + VECTOR, ORDER);
    even10.add(odd10).intoMemorySegment(ALL, sums + 2 * VECTOR, ORDER);
    even11.add(odd11).intoMemorySegment(ALL, sums + 3 * VECTOR, ORDER);
    even20.add(odd20).intoMemorySegment(ALL, sums + 4 * VECTOR, ORDER);
    even21.add(odd21).intoMemorySegment(ALL, sums + 5 * VECTOR, ORDER);
  }
}
