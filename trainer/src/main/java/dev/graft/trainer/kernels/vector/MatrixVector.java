package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/**
 * {@code y = x Wᵀ} for a few rows of x, as in decoding: a weight is read once, from memory, at the
 * speed of memory. One row of W after the other, in the order in which they lie: the processor's
 * prefetching follows one long stream better than several.
 */
public final class MatrixVector {

  /** Rows of x up to which this is faster than a matrix product. */
  public static final int ROWS = 64;

  private MatrixVector() {}

  /**
   * The columns {@code [from, to)} of y, which belong to these rows of W.
   *
   * @param x float32, {@code rows} rows without gaps
   * @param y float32 or bfloat16
   */
  public static void multiply(
      long x, int rows, Tensor w, Tensor y, boolean accumulate, Scratch scratch, int from, int to) {
    int k = w.columns();
    int bytes = y.type().bytes();
    long weights = HostBuffer.address(w);
    long ys = HostBuffer.address(y);
    long wide = w.type() == ElementType.F16 ? scratch.reserve(4L * k) : 0;
    for (int column = from; column < to; column++) {
      long weight = weights + column * HostBuffer.rowBytes(w);
      if (wide != 0) {
        Elements.widen(w.type(), weight, wide, k);
      }
      for (int row = 0; row < rows; row++) {
        long in = x + 4L * k * row;
        float sum =
            w.type() == ElementType.BF16
                ? dotBrain(in, weight, k, scratch.tail())
                : RmsNorm.dot(in, wide != 0 ? wide : weight, k, scratch.tail());
        long at = ys + row * HostBuffer.rowBytes(y) + (long) column * bytes;
        Elements.put(y.type(), at, accumulate ? sum + Elements.get(y.type(), at) : sum);
      }
    }
  }

  private static float dotBrain(long x, long w, int k, long tail) {
    FloatVector sum0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int lanes = Lanes.COUNT;
    int i = 0;
    for (; i <= k - 4 * lanes; i += 4 * lanes) {
      long in = x + 4L * i;
      long weight = w + 2L * i;
      sum0 = Lanes.loadBrain(weight).fma(Lanes.load(in), sum0);
      sum1 = Lanes.loadBrain(weight + 2L * lanes).fma(Lanes.load(in + 4L * lanes), sum1);
      sum2 = Lanes.loadBrain(weight + 4L * lanes).fma(Lanes.load(in + 8L * lanes), sum2);
      sum3 = Lanes.loadBrain(weight + 6L * lanes).fma(Lanes.load(in + 12L * lanes), sum3);
    }
    for (; i <= k - lanes; i += lanes) {
      sum0 = Lanes.loadBrain(w + 2L * i).fma(Lanes.load(x + 4L * i), sum0);
    }
    float rest = 0;
    for (; i < k; i++) {
      float v = Elements.get(ElementType.BF16, w + 2L * i);
      rest = Math.fma(v, Memory.getFloat(x + 4L * i), rest);
    }
    return Lanes.sum(sum0.add(sum1).add(sum2.add(sum3)), tail) + rest;
  }
}
