package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Philox;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Copying, adding, scaling, masking and looking up rows. */
public final class Elementwise {

  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;

  /** As many floats as there are doubles in a vector. */
  private static final VectorSpecies<Float> HALF_FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(DOUBLES.vectorBitSize() / 2));

  /** Floats of a run whose squares are summed together. */
  public static final int RUN = 1 << 16;

  private Elementwise() {}

  /** Bits of the vectors that the loops use. */
  public static int vectorBits() {
    return Lanes.FLOATS.vectorBitSize();
  }

  /** Rows of {@code out = x}, rounded to the type of out. */
  public static void copy(Tensor x, Tensor out, int from, int to) {
    long xs = HostBuffer.address(x);
    long outs = HostBuffer.address(out);
    for (int row = from; row < to; row++) {
      Elements.convert(
          x.type(),
          xs + row * HostBuffer.rowBytes(x),
          out.type(),
          outs + row * HostBuffer.rowBytes(out),
          x.columns());
    }
  }

  /** Rows {@code [from, to)} of {@code out[i] = x[index[i]]}, converted where types differ. */
  public static void gather(Tensor x, Tensor index, Tensor out, int from, int to) {
    long xs = HostBuffer.address(x);
    long outs = HostBuffer.address(out);
    for (int row = from; row < to; row++) {
      long source = xs + index(index, row, x.rows()) * HostBuffer.rowBytes(x);
      long target = outs + row * HostBuffer.rowBytes(out);
      Elements.convert(x.type(), source, out.type(), target, x.columns());
    }
  }

  /** Rows {@code [from, to)} of {@code out[index[i]] = x[i]}, converted where types differ. */
  public static void scatter(Tensor x, Tensor index, Tensor out, int from, int to) {
    long xs = HostBuffer.address(x);
    long outs = HostBuffer.address(out);
    for (int row = from; row < to; row++) {
      long source = xs + row * HostBuffer.rowBytes(x);
      long target = outs + index(index, row, out.rows()) * HostBuffer.rowBytes(out);
      Elements.convert(x.type(), source, out.type(), target, x.columns());
    }
  }

  /** Columns {@code [from, to)} of {@code out[index[i]] += x[i]}, in the order of i. */
  public static void scatterAdd(Tensor x, Tensor index, Tensor out, int from, int to) {
    long xs = HostBuffer.address(x) + 4L * from;
    long outs = HostBuffer.address(out) + 4L * from;
    for (int row = 0; row < x.rows(); row++) {
      long target = outs + index(index, row, out.rows()) * HostBuffer.rowBytes(out);
      addRow(xs + row * HostBuffer.rowBytes(x), target, to - from);
    }
  }

  private static long index(Tensor index, int row, int rows) {
    int i = Memory.getInt(HostBuffer.address(index) + 4L * row);
    if (i < 0 || i >= rows) {
      throw new IndexOutOfBoundsException("row %d of %d".formatted(i, rows));
    }
    return i;
  }

  /** Rows of {@code y += x}. */
  public static void add(Tensor x, Tensor y, Scratch scratch, int from, int to) {
    long xs = HostBuffer.address(x);
    long ys = HostBuffer.address(y);
    long wide = x.type() == ElementType.F32 ? 0 : scratch.reserve(4L * x.columns());
    for (int row = from; row < to; row++) {
      long source =
          Elements.widened(x.type(), xs + row * HostBuffer.rowBytes(x), wide, x.columns());
      addRow(source, ys + row * HostBuffer.rowBytes(y), x.columns());
    }
  }

  private static void addRow(long x, long y, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      fromMemorySegment(FLOATS, ALL, y + 4L * i, ORDER)
          .add(fromMemorySegment(FLOATS, ALL, x + 4L * i, ORDER))
          .intoMemorySegment(ALL, y + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      Memory.putFloat(y + 4L * i, Memory.getFloat(y + 4L * i) + Memory.getFloat(x + 4L * i));
    }
  }

  /** Rows of {@code x *= factor}. */
  public static void scale(Tensor x, float factor, Scratch scratch, int from, int to) {
    long xs = HostBuffer.address(x);
    long wide = x.type() == ElementType.F32 ? 0 : scratch.reserve(4L * x.columns());
    for (int row = from; row < to; row++) {
      long at = xs + row * HostBuffer.rowBytes(x);
      long numbers = Elements.widened(x.type(), at, wide, x.columns());
      scaleRow(numbers, factor, x.columns());
      if (numbers != at) {
        Elements.convert(ElementType.F32, numbers, x.type(), at, x.columns());
      }
    }
  }

  private static void scaleRow(long x, float factor, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      fromMemorySegment(FLOATS, ALL, x + 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(ALL, x + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      Memory.putFloat(x + 4L * i, Memory.getFloat(x + 4L * i) * factor);
    }
  }

  /** Rows of {@code x = 0}. */
  public static void zero(Tensor x, int from, int to) {
    long xs = HostBuffer.address(x);
    for (int row = from; row < to; row++) {
      Memory.clear(xs + row * HostBuffer.rowBytes(x), (long) x.columns() * x.type().bytes());
    }
  }

  /** Rows of {@code out = keep ? x / (1 - rate) : 0}, or of that added to out. */
  public static void dropout(
      Tensor x,
      DropoutMask mask,
      Tensor out,
      boolean accumulate,
      Scratch scratch,
      int from,
      int to) {
    int columns = x.columns();
    long xs = HostBuffer.address(x);
    long outs = HostBuffer.address(out);
    // The factors of a row, preceded by those of its first quad that belong to the row before.
    long factors = scratch.reserve(4L * (2 * columns + 8));
    long wide = factors + 4L * (columns + 8);
    int[] lanes = new int[4];
    for (int row = from; row < to; row++) {
      long first = (long) row * columns;
      drawFactors(mask, first, columns, factors, lanes);
      long kept = factors + 4 * (first & 3);
      keep(
          Elements.widened(x.type(), xs + row * HostBuffer.rowBytes(x), wide, columns),
          kept,
          columns);
      long target = outs + row * HostBuffer.rowBytes(out);
      if (!accumulate) {
        Elements.convert(ElementType.F32, kept, out.type(), target, columns);
      } else if (out.type() == ElementType.F32) {
        addRow(kept, target, columns);
      } else {
        Elements.widen(out.type(), target, wide, columns);
        addRow(kept, wide, columns);
        Elements.convert(ElementType.F32, wide, out.type(), target, columns);
      }
    }
  }

  private static void drawFactors(
      DropoutMask mask, long first, int columns, long factors, int[] lanes) {
    long threshold = Philox.keepThreshold(mask.rate());
    float keep = mask.keepScale();
    long at = factors;
    for (long quad = first / 4; quad * 4 < first + columns; quad++) {
      Philox.lanes(mask, quad, lanes);
      for (int i = 0; i < 4; i++, at += 4) {
        Memory.putFloat(at, Philox.keeps(lanes[i], threshold) ? keep : 0);
      }
    }
  }

  /** {@code factors *= x}; a factor of zero stays zero, also where x is infinite. */
  private static void keep(long x, long factors, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector factor = fromMemorySegment(FLOATS, ALL, factors + 4L * i, ORDER);
      FloatVector v = fromMemorySegment(FLOATS, ALL, x + 4L * i, ORDER).mul(factor);
      v.blend(0, factor.compare(VectorOperators.EQ, 0))
          .intoMemorySegment(ALL, factors + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      float factor = Memory.getFloat(factors + 4L * i);
      Memory.putFloat(factors + 4L * i, factor == 0 ? 0 : Memory.getFloat(x + 4L * i) * factor);
    }
  }

  /** The sum of squares of a run of floats, in double. */
  public static double sumOfSquares(long address, int n, long tail) {
    int lanes = DOUBLES.length();
    DoubleVector sum0 = DoubleVector.zero(DOUBLES);
    DoubleVector sum1 = sum0;
    int i = 0;
    for (; i <= n - 2 * lanes; i += 2 * lanes) {
      DoubleVector a = widen(address + 4L * i);
      DoubleVector b = widen(address + 4L * (i + lanes));
      sum0 = a.fma(a, sum0);
      sum1 = b.fma(b, sum1);
    }
    double sum = 0;
    sum0.add(sum1).intoMemorySegment(ALL, tail, ORDER);
    for (int lane = 0; lane < lanes; lane++) {
      sum += Memory.ALL.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, tail + 8L * lane);
    }
    for (; i < n; i++) {
      double v = Memory.getFloat(address + 4L * i);
      sum += v * v;
    }
    return sum;
  }

  private static DoubleVector widen(long address) {
    return (DoubleVector)
        FloatVector.fromMemorySegment(HALF_FLOATS, ALL, address, ORDER)
            .convertShape(VectorOperators.F2D, DOUBLES, 0);
  }
}
