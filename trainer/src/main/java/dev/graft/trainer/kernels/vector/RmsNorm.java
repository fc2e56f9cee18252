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

/** RMSNorm (Zhang and Sennrich 2019), rounded to the type of its output on the way out. */
public final class RmsNorm {

  private RmsNorm() {}

  /** Rows of {@code y = x · r · weight} and their {@code r = 1 / sqrt(mean(x²) + epsilon)}. */
  public static void forward(
      Tensor x,
      Tensor weight,
      float epsilon,
      Tensor y,
      Tensor inverseRms,
      Scratch scratch,
      int from,
      int to) {
    int columns = x.columns();
    long xs = HostBuffer.address(x);
    long ys = HostBuffer.address(y);
    long weights = scratch.reserve(4L * columns);
    Elements.widen(weight.type(), HostBuffer.address(weight), weights, columns);
    long inverses = HostBuffer.address(inverseRms);
    for (int row = from; row < to; row++) {
      long in = xs + row * HostBuffer.rowBytes(x);
      float squares = dot(in, in, columns, scratch.tail());
      float inverse = (float) (1 / Math.sqrt(squares / (double) columns + epsilon));
      Memory.putFloat(inverses + 4L * row, inverse);
      long out = ys + row * HostBuffer.rowBytes(y);
      if (y.type() == ElementType.F32) {
        normalize(in, weights, inverse, out, columns);
      } else {
        normalizeToBrain(in, weights, inverse, out, columns);
      }
    }
  }

  private static void normalize(long in, long weights, float inverse, long out, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector v = fromMemorySegment(FLOATS, ALL, in + 4L * i, ORDER).mul(inverse);
      v.mul(fromMemorySegment(FLOATS, ALL, weights + 4L * i, ORDER))
          .intoMemorySegment(ALL, out + 4L * i, ORDER);
    }
    for (; i < columns; i++) {
      float v = Memory.getFloat(in + 4L * i) * inverse;
      Memory.putFloat(out + 4L * i, v * Memory.getFloat(weights + 4L * i));
    }
  }

  private static void normalizeToBrain(
      long in, long weights, float inverse, long out, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector v = fromMemorySegment(FLOATS, ALL, in + 4L * i, ORDER).mul(inverse);
      Lanes.storeBrain(
          out + 2L * i, v.mul(fromMemorySegment(FLOATS, ALL, weights + 4L * i, ORDER)));
    }
    for (; i < columns; i++) {
      float v = Memory.getFloat(in + 4L * i) * inverse * Memory.getFloat(weights + 4L * i);
      Memory.putShort(out + 2L * i, Elements.toBrainFloat(v));
    }
  }

  /** {@code Σ a · b} over float32 runs, in a fixed order. */
  static float dot(long a, long b, int n, long tail) {
    FloatVector sum0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int step = 4 * Lanes.COUNT;
    int i = 0;
    for (; i <= n - step; i += step) {
      long at = 4L * i;
      sum0 =
          fromMemorySegment(FLOATS, ALL, a + at, ORDER)
              .fma(fromMemorySegment(FLOATS, ALL, b + at, ORDER), sum0);
      at += 4L * Lanes.COUNT;
      sum1 =
          fromMemorySegment(FLOATS, ALL, a + at, ORDER)
              .fma(fromMemorySegment(FLOATS, ALL, b + at, ORDER), sum1);
      at += 4L * Lanes.COUNT;
      sum2 =
          fromMemorySegment(FLOATS, ALL, a + at, ORDER)
              .fma(fromMemorySegment(FLOATS, ALL, b + at, ORDER), sum2);
      at += 4L * Lanes.COUNT;
      sum3 =
          fromMemorySegment(FLOATS, ALL, a + at, ORDER)
              .fma(fromMemorySegment(FLOATS, ALL, b + at, ORDER), sum3);
    }
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      sum0 =
          fromMemorySegment(FLOATS, ALL, a + 4L * i, ORDER)
              .fma(fromMemorySegment(FLOATS, ALL, b + 4L * i, ORDER), sum0);
    }
    float rest = 0;
    for (; i < n; i++) {
      rest = Math.fma(Memory.getFloat(a + 4L * i), Memory.getFloat(b + 4L * i), rest);
    }
    sum0.add(sum1).add(sum2.add(sum3)).intoMemorySegment(ALL, tail, ORDER);
    return Lanes.sum(tail) + rest;
  }

  /** {@code dx += r · (dy · weight) - x · r³ / d · Σ(dy · weight · x)} for each row. */
  public static void backward(
      Tensor dy,
      Tensor x,
      Tensor weight,
      Tensor inverseRms,
      Tensor dx,
      Scratch scratch,
      int from,
      int to) {
    int columns = x.columns();
    long dys = HostBuffer.address(dy);
    long xs = HostBuffer.address(x);
    long dxs = HostBuffer.address(dx);
    long inverses = HostBuffer.address(inverseRms);
    long tail = scratch.tail();
    long weights = scratch.reserve(8L * columns);
    long scaled = weights + 4L * columns;
    Elements.widen(weight.type(), HostBuffer.address(weight), weights, columns);
    for (int row = from; row < to; row++) {
      long in = xs + row * HostBuffer.rowBytes(x);
      long gradient = dys + row * HostBuffer.rowBytes(dy);
      multiply(gradient, weights, scaled, columns);
      double r = Memory.getFloat(inverses + 4L * row);
      double projection = dot(scaled, in, columns, tail) * r * r * r / columns;
      long out = dxs + row * HostBuffer.rowBytes(dx);
      addScaled((float) r, scaled, (float) -projection, in, out, columns);
    }
  }

  /** Columns {@code [from, to)} of {@code dweight += Σ dy · x · r}, in the order of the rows. */
  public static void backwardWeight(
      Tensor dy, Tensor x, Tensor inverseRms, Tensor dweight, int from, int to) {
    long dys = HostBuffer.address(dy);
    long xs = HostBuffer.address(x);
    long inverses = HostBuffer.address(inverseRms);
    long dyBytes = HostBuffer.rowBytes(dy);
    long xBytes = HostBuffer.rowBytes(x);
    long out = HostBuffer.address(dweight);
    int i = from;
    for (; i <= to - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      for (int row = 0; row < x.rows(); row++) {
        float r = Memory.getFloat(inverses + 4L * row);
        sum =
            fromMemorySegment(FLOATS, ALL, xs + row * xBytes + 4L * i, ORDER)
                .mul(r)
                .fma(fromMemorySegment(FLOATS, ALL, dys + row * dyBytes + 4L * i, ORDER), sum);
      }
      fromMemorySegment(FLOATS, ALL, out + 4L * i, ORDER)
          .add(sum)
          .intoMemorySegment(ALL, out + 4L * i, ORDER);
    }
    for (; i < to; i++) {
      float sum = 0;
      for (int row = 0; row < x.rows(); row++) {
        float normed =
            Memory.getFloat(xs + row * xBytes + 4L * i) * Memory.getFloat(inverses + 4L * row);
        sum = Math.fma(normed, Memory.getFloat(dys + row * dyBytes + 4L * i), sum);
      }
      Memory.putFloat(out + 4L * i, Memory.getFloat(out + 4L * i) + sum);
    }
  }

  private static void multiply(long a, long b, long out, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      fromMemorySegment(FLOATS, ALL, a + 4L * i, ORDER)
          .mul(fromMemorySegment(FLOATS, ALL, b + 4L * i, ORDER))
          .intoMemorySegment(ALL, out + 4L * i, ORDER);
    }
    for (; i < columns; i++) {
      Memory.putFloat(out + 4L * i, Memory.getFloat(a + 4L * i) * Memory.getFloat(b + 4L * i));
    }
  }

  /** {@code out += f · a + g · b}. */
  private static void addScaled(float f, long a, float g, long b, long out, int columns) {
    FloatVector fs = FloatVector.broadcast(Lanes.FLOATS, f);
    FloatVector gs = FloatVector.broadcast(Lanes.FLOATS, g);
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector v =
          fromMemorySegment(FLOATS, ALL, b + 4L * i, ORDER)
              .fma(gs, fromMemorySegment(FLOATS, ALL, out + 4L * i, ORDER));
      fromMemorySegment(FLOATS, ALL, a + 4L * i, ORDER)
          .fma(fs, v)
          .intoMemorySegment(ALL, out + 4L * i, ORDER);
    }
    for (; i < columns; i++) {
      float v = Math.fma(Memory.getFloat(b + 4L * i), g, Memory.getFloat(out + 4L * i));
      Memory.putFloat(out + 4L * i, Math.fma(Memory.getFloat(a + 4L * i), f, v));
    }
  }
}
