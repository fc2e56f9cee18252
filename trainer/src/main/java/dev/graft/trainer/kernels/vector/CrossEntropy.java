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
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax cross-entropy and its gradient, row by row, so that a row stays in the cache.
 *
 * <p>What is left of a row behind its whole vectors is padded into scratch and handed to the same
 * loop: no vector ever passes a call that is too rare for the compiler to inline, where it would
 * become an object.
 */
public final class CrossEntropy {

  /** Terms summed in float32 before they go into the double: keeps the error of long rows small. */
  private static final int RUN = 1024;

  private CrossEntropy() {}

  /** Losses of rows. */
  public static void forward(
      Tensor logits, Tensor targets, Tensor loss, Scratch scratch, int from, int to) {
    long rows = HostBuffer.address(logits);
    long losses = HostBuffer.address(loss);
    for (int row = from; row < to; row++) {
      long at = rows + row * HostBuffer.rowBytes(logits);
      float max = max(at, logits.columns(), scratch.tail());
      double sum = sumOfExp(at, logits.columns(), max, scratch.tail());
      float picked = Memory.getFloat(at + 4L * target(targets, row, logits.columns()));
      Memory.putFloat(losses + 4L * row, (float) (Math.log(sum) + (max - (double) picked)));
    }
  }

  /**
   * Losses of rows and {@code dlogits = scale · (softmax(logits) - onehot(target))}, which may lie
   * over the logits.
   */
  public static void forwardBackward(
      Tensor logits,
      Tensor targets,
      float scale,
      Tensor loss,
      Tensor dlogits,
      Scratch scratch,
      int from,
      int to) {
    int columns = logits.columns();
    long rows = HostBuffer.address(logits);
    long gradients = HostBuffer.address(dlogits);
    long losses = HostBuffer.address(loss);
    ElementType type = dlogits.type();
    long tail = scratch.tail();
    for (int row = from; row < to; row++) {
      long at = rows + row * HostBuffer.rowBytes(logits);
      float max = max(at, columns, tail);
      double sum = sumOfExp(at, columns, max, tail);
      int target = target(targets, row, columns);
      float picked = Memory.getFloat(at + 4L * target);
      Memory.putFloat(losses + 4L * row, (float) (Math.log(sum) + (max - (double) picked)));
      long out = gradients + row * HostBuffer.rowBytes(dlogits);
      softmax(at, columns, max, (float) (scale / sum), type, out, scratch);
      double probability = Math.exp(picked - (double) max) / sum;
      Elements.put(type, out + (long) target * type.bytes(), (float) (scale * (probability - 1)));
    }
  }

  private static int target(Tensor targets, int row, int columns) {
    int target = Memory.getInt(HostBuffer.address(targets) + 4L * row);
    if (target < 0 || target >= columns) {
      throw new IndexOutOfBoundsException("target %d of %d".formatted(target, columns));
    }
    return target;
  }

  static float max(long row, int n, long tail) {
    int whole = n - n % Lanes.COUNT;
    float max = maxOfVectors(row, whole);
    if (whole < n) {
      Lanes.pad(row + 4L * whole, n - whole, Float.NEGATIVE_INFINITY, tail);
      max = Math.max(max, maxOfVectors(tail, Lanes.COUNT));
    }
    return max;
  }

  private static float maxOfVectors(long row, int n) {
    FloatVector max0 = FloatVector.broadcast(Lanes.FLOATS, Float.NEGATIVE_INFINITY);
    FloatVector max1 = max0;
    int i = 0;
    for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
      max0 = Lanes.max(max0, fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER));
      max1 = Lanes.max(max1, fromMemorySegment(FLOATS, ALL, row + 4L * (i + Lanes.COUNT), ORDER));
    }
    for (; i < n; i += Lanes.COUNT) {
      max0 = Lanes.max(max0, fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER));
    }
    return Lanes.max(max0, max1).reduceLanes(VectorOperators.MAX);
  }

  static double sumOfExp(long row, int n, float max, long tail) {
    double sum = 0;
    for (int start = 0; start < n; start += RUN) {
      sum += sumOfExp(row, start, Math.min(n, start + RUN), max, tail);
    }
    return sum;
  }

  private static float sumOfExp(long row, int start, int end, float max, long tail) {
    int whole = end - (end - start) % Lanes.COUNT;
    float sum = sumOfExpOfVectors(row + 4L * start, whole - start, max, tail);
    if (whole < end) {
      Lanes.pad(row + 4L * whole, end - whole, Float.NEGATIVE_INFINITY, tail);
      sum += sumOfExpOfVectors(tail, Lanes.COUNT, max, tail);
    }
    return sum;
  }

  private static float sumOfExpOfVectors(long row, int n, float max, long tail) {
    FloatVector sum = FloatVector.zero(Lanes.FLOATS);
    for (int i = 0; i < n; i += Lanes.COUNT) {
      sum =
          sum.add(
              VectorMath.expNotPositive(
                  fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER).sub(max)));
    }
    sum.intoMemorySegment(ALL, tail, ORDER);
    return Lanes.sum(tail);
  }

  /** {@code out = factor · exp(row - max)}, which may lie over the row. */
  private static void softmax(
      long row, int n, float max, float factor, ElementType type, long out, Scratch scratch) {
    if (type == ElementType.F32) {
      softmax(row, n, max, factor, out, scratch.tail());
      return;
    }
    long wide = scratch.reserve(4L * RUN);
    for (int start = 0; start < n; start += RUN) {
      int count = Math.min(RUN, n - start);
      softmax(row + 4L * start, count, max, factor, wide, scratch.tail());
      Elements.narrow(wide, out + 2L * start, count);
    }
  }

  /** {@code out = factor · exp(row - max)} in float32, which may lie over the row. */
  static void softmax(long row, int n, float max, float factor, long out, long tail) {
    int whole = n - n % Lanes.COUNT;
    softmaxOfVectors(row, whole, max, factor, out);
    if (whole < n) {
      Lanes.pad(row + 4L * whole, n - whole, Float.NEGATIVE_INFINITY, tail);
      softmaxOfVectors(tail, Lanes.COUNT, max, factor, tail);
      Memory.copy(tail, out + 4L * whole, 4L * (n - whole));
    }
  }

  private static void softmaxOfVectors(long row, int n, float max, float factor, long out) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      FloatVector p =
          VectorMath.expNotPositive(fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER).sub(max));
      p.mul(factor).intoMemorySegment(ALL, out + 4L * i, ORDER);
    }
  }
}
