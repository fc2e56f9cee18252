package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/** Rows by length and direction, as DoRA has them (Liu et al. 2024). */
public final class Magnitudes {

  private Magnitudes() {}

  /** Rows of {@code squares[j] = Σ w[j]²}, summed in double. */
  public static void rowSquares(Tensor w, Tensor squares, Scratch scratch, int from, int to) {
    long ws = HostBuffer.address(w);
    long out = HostBuffer.address(squares);
    long wide = w.type() == ElementType.F32 ? 0 : scratch.reserve(4L * w.columns());
    for (int row = from; row < to; row++) {
      long numbers =
          Elements.widened(w.type(), ws + row * HostBuffer.rowBytes(w), wide, w.columns());
      double sum = Elementwise.sumOfSquares(numbers, w.columns(), scratch.tail());
      Memory.putFloat(out + 4L * row, (float) sum);
    }
  }

  /**
   * Rows of {@code c² = squares + 2s · b cross + s² · b gram bᵀ}, of {@code 1 / c}, and of {@code
   * gains = magnitude / c}.
   */
  public static void gains(
      Tensor squares,
      Tensor cross,
      Tensor gram,
      Tensor b,
      float scale,
      Tensor magnitude,
      Tensor inverseLengths,
      Tensor gains,
      Scratch scratch,
      int from,
      int to) {
    int rank = b.columns();
    long bs = HostBuffer.address(b);
    long crosses = HostBuffer.address(cross);
    long grams = HostBuffer.address(gram);
    long wide = b.type() == ElementType.F32 ? 0 : scratch.reserve(4L * rank);
    for (int row = from; row < to; row++) {
      long own = Elements.widened(b.type(), bs + row * HostBuffer.rowBytes(b), wide, rank);
      double sum = Memory.getFloat(HostBuffer.address(squares) + 4L * row);
      for (int i = 0; i < rank; i++) {
        double crossed = Memory.getFloat(crosses + i * HostBuffer.rowBytes(cross) + 4L * row);
        double update =
            RmsNorm.dot(grams + i * HostBuffer.rowBytes(gram), own, rank, scratch.tail());
        sum += Memory.getFloat(own + 4L * i) * scale * (2 * crossed + scale * update);
      }
      double inverse = sum > 0 ? 1 / Math.sqrt(sum) : 0;
      Memory.putFloat(HostBuffer.address(inverseLengths) + 4L * row, (float) inverse);
      float length = Memory.getFloat(HostBuffer.address(magnitude) + 4L * row);
      Memory.putFloat(HostBuffer.address(gains) + 4L * row, (float) (length * inverse));
    }
  }

  /** Rows of {@code y = x · factors}, or of that added to y. */
  public static void scaleColumns(
      Tensor x, Tensor factors, Tensor y, boolean accumulate, Scratch scratch, int from, int to) {
    int columns = x.columns();
    long xs = HostBuffer.address(x);
    long ys = HostBuffer.address(y);
    long fs = HostBuffer.address(factors);
    long wide = scratch.reserve(8L * columns);
    long sum = wide + 4L * columns;
    for (int row = from; row < to; row++) {
      long in = Elements.widened(x.type(), xs + row * HostBuffer.rowBytes(x), wide, columns);
      long out = ys + row * HostBuffer.rowBytes(y);
      if (y.type() == ElementType.F32) {
        scaleRow(in, fs, accumulate ? out : 0, out, columns);
        continue;
      }
      if (accumulate) {
        Elements.widen(y.type(), out, sum, columns);
      }
      scaleRow(in, fs, accumulate ? sum : 0, sum, columns);
      Elements.convert(ElementType.F32, sum, y.type(), out, columns);
    }
  }

  /** {@code out = x · factors + before}; a before of 0 is none. */
  private static void scaleRow(long x, long factors, long before, long out, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector factor = fromMemorySegment(FLOATS, ALL, factors + 4L * i, ORDER);
      FloatVector v = fromMemorySegment(FLOATS, ALL, x + 4L * i, ORDER);
      if (before == 0) {
        v.mul(factor).intoMemorySegment(ALL, out + 4L * i, ORDER);
      } else {
        v.fma(factor, fromMemorySegment(FLOATS, ALL, before + 4L * i, ORDER))
            .intoMemorySegment(ALL, out + 4L * i, ORDER);
      }
    }
    for (; i < n; i++) {
      float factor = Memory.getFloat(factors + 4L * i);
      float v = Memory.getFloat(x + 4L * i);
      Memory.putFloat(
          out + 4L * i,
          before == 0 ? v * factor : Math.fma(v, factor, Memory.getFloat(before + 4L * i)));
    }
  }

  /** Columns {@code [from, to)} of {@code out += constants · Σ a · b} over all rows. */
  public static void addColumnDots(
      Tensor a, Tensor b, Tensor constants, Tensor out, int from, int to) {
    int i = from;
    for (; i <= to - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      if (a.type() == ElementType.F32) {
        for (int row = 0; row < a.rows(); row++) {
          sum =
              fromMemorySegment(FLOATS, ALL, at(a, row, i), ORDER)
                  .fma(fromMemorySegment(FLOATS, ALL, at(b, row, i), ORDER), sum);
        }
      } else {
        for (int row = 0; row < a.rows(); row++) {
          sum = Lanes.loadBrain(at(a, row, i)).fma(Lanes.loadBrain(at(b, row, i)), sum);
        }
      }
      long target = HostBuffer.address(out) + 4L * i;
      fromMemorySegment(FLOATS, ALL, HostBuffer.address(constants) + 4L * i, ORDER)
          .fma(sum, fromMemorySegment(FLOATS, ALL, target, ORDER))
          .intoMemorySegment(ALL, target, ORDER);
    }
    for (; i < to; i++) {
      float sum = 0;
      for (int row = 0; row < a.rows(); row++) {
        sum =
            Math.fma(
                Elements.get(a.type(), at(a, row, i)), Elements.get(b.type(), at(b, row, i)), sum);
      }
      long target = HostBuffer.address(out) + 4L * i;
      float constant = Memory.getFloat(HostBuffer.address(constants) + 4L * i);
      Memory.putFloat(target, Math.fma(constant, sum, Memory.getFloat(target)));
    }
  }

  private static long at(Tensor tensor, int row, int column) {
    return HostBuffer.address(tensor)
        + row * HostBuffer.rowBytes(tensor)
        + (long) column * tensor.type().bytes();
  }
}
