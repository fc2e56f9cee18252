package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/**
 * {@code y = x Wᵀ} for a few rows of x, as in decoding: a weight is read once, from memory, at the
 * speed of memory. Four rows of W are taken together, so that a vector of x serves four times.
 */
public final class MatrixVector {

  /** Rows of x up to which this is faster than a matrix product. */
  public static final int ROWS = 4;

  /** Rows of W that are taken together. */
  public static final int STRIP = 4;

  private MatrixVector() {}

  /** How many strips a weight has. */
  public static int strips(Tensor w) {
    return (w.rows() + STRIP - 1) / STRIP;
  }

  /**
   * The columns of y that belong to the strips {@code [from, to)} of W.
   *
   * @param x float32, {@code rows} rows without gaps
   * @param y float32 or bfloat16
   */
  public static void multiply(
      long x, int rows, Tensor w, Tensor y, boolean accumulate, Scratch scratch, int from, int to) {
    int k = w.columns();
    long weights = HostBuffer.address(w);
    long ys = HostBuffer.address(y);
    long sums = scratch.reserve(4L * STRIP * (k + 1));
    long wide = sums + 4L * STRIP;
    for (int strip = from; strip < to; strip++) {
      int first = strip * STRIP;
      int count = Math.min(STRIP, w.rows() - first);
      long at = weights + first * HostBuffer.rowBytes(w);
      long step = HostBuffer.rowBytes(w);
      boolean brain = w.type() == ElementType.BF16;
      if (w.type() == ElementType.F16) {
        for (int row = 0; row < count; row++) {
          Elements.widen(w.type(), at + row * step, wide + 4L * k * row, k);
        }
        at = wide;
        step = 4L * k;
      }
      for (int row = 0; row < rows; row++) {
        if (brain) {
          dotsBrain(x + 4L * k * row, k, at, step, count, sums, scratch.tail());
        } else {
          dots(x + 4L * k * row, k, at, step, count, sums, scratch.tail());
        }
        long out = ys + row * HostBuffer.rowBytes(y) + (long) first * y.type().bytes();
        put(sums, count, y.type(), out, accumulate);
      }
    }
  }

  private static void put(long sums, int count, ElementType type, long out, boolean accumulate) {
    for (int i = 0; i < count; i++) {
      long at = out + (long) i * type.bytes();
      float sum = Memory.getFloat(sums + 4L * i);
      Elements.put(type, at, accumulate ? sum + Elements.get(type, at) : sum);
    }
  }

  /** Up to four dot products; rows that are missing are computed from the last one. */
  private static void dots(long x, int k, long w, long step, int count, long sums, long tail) {
    long w1 = w + step * Math.min(1, count - 1);
    long w2 = w + step * Math.min(2, count - 1);
    long w3 = w + step * Math.min(3, count - 1);
    FloatVector sum0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    for (; i <= k - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 4L * i;
      FloatVector v = Lanes.load(x + at);
      sum0 = Lanes.load(w + at).fma(v, sum0);
      sum1 = Lanes.load(w1 + at).fma(v, sum1);
      sum2 = Lanes.load(w2 + at).fma(v, sum2);
      sum3 = Lanes.load(w3 + at).fma(v, sum3);
    }
    Memory.putFloat(sums, Lanes.sum(sum0, tail) + rest(ElementType.F32, x, w, i, k));
    Memory.putFloat(sums + 4, Lanes.sum(sum1, tail) + rest(ElementType.F32, x, w1, i, k));
    Memory.putFloat(sums + 8, Lanes.sum(sum2, tail) + rest(ElementType.F32, x, w2, i, k));
    Memory.putFloat(sums + 12, Lanes.sum(sum3, tail) + rest(ElementType.F32, x, w3, i, k));
  }

  private static void dotsBrain(long x, int k, long w, long step, int count, long sums, long tail) {
    long w1 = w + step * Math.min(1, count - 1);
    long w2 = w + step * Math.min(2, count - 1);
    long w3 = w + step * Math.min(3, count - 1);
    FloatVector sum0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    for (; i <= k - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 2L * i;
      FloatVector v = Lanes.load(x + 4L * i);
      sum0 = Lanes.loadBrain(w + at).fma(v, sum0);
      sum1 = Lanes.loadBrain(w1 + at).fma(v, sum1);
      sum2 = Lanes.loadBrain(w2 + at).fma(v, sum2);
      sum3 = Lanes.loadBrain(w3 + at).fma(v, sum3);
    }
    Memory.putFloat(sums, Lanes.sum(sum0, tail) + rest(ElementType.BF16, x, w, i, k));
    Memory.putFloat(sums + 4, Lanes.sum(sum1, tail) + rest(ElementType.BF16, x, w1, i, k));
    Memory.putFloat(sums + 8, Lanes.sum(sum2, tail) + rest(ElementType.BF16, x, w2, i, k));
    Memory.putFloat(sums + 12, Lanes.sum(sum3, tail) + rest(ElementType.BF16, x, w3, i, k));
  }

  private static float rest(ElementType type, long x, long w, int from, int k) {
    float sum = 0;
    for (int i = from; i < k; i++) {
      float v = Elements.get(type, w + (long) i * type.bytes());
      sum = Math.fma(v, Memory.getFloat(x + 4L * i), sum);
    }
    return sum;
  }
}
