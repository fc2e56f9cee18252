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

/** Rotary position embedding (Su et al. 2021) in Hugging Face's layout, in place. */
public final class Rotary {

  private Rotary() {}

  /**
   * Rotates rows by {@code direction} times the angles of their positions.
   *
   * @param direction 1 forward, -1 backward
   */
  public static void rotate(
      Tensor x,
      Tensor positions,
      Tensor cosine,
      Tensor sine,
      float direction,
      Scratch scratch,
      int from,
      int to) {
    int half = cosine.columns();
    int heads = x.columns() / (2 * half);
    long xs = HostBuffer.address(x);
    long places = HostBuffer.address(positions);
    long cosines = HostBuffer.address(cosine);
    long sines = HostBuffer.address(sine);
    boolean direct = x.type() == ElementType.F32;
    long wide = direct ? 0 : scratch.reserve(4L * x.columns());
    for (int row = from; row < to; row++) {
      int position = Memory.getInt(places + 4L * row);
      if (position < 0 || position >= cosine.rows()) {
        throw new IndexOutOfBoundsException("position %d of %d".formatted(position, cosine.rows()));
      }
      long c = cosines + position * HostBuffer.rowBytes(cosine);
      long s = sines + position * HostBuffer.rowBytes(sine);
      long at = xs + row * HostBuffer.rowBytes(x);
      if (direct) {
        rotateRow(at, heads, c, s, direction, half);
      } else {
        Elements.widen(x.type(), at, wide, x.columns());
        rotateRow(wide, heads, c, s, direction, half);
        Elements.narrow(wide, at, x.columns());
      }
    }
  }

  private static void rotateRow(long row, int heads, long c, long s, float direction, int half) {
    for (int head = 0; head < heads; head++) {
      rotateHead(row + 8L * half * head, c, s, direction, half);
    }
  }

  /** {@code (a, b) = (a c - b s, b c + a s)} for the first and the second half of a head. */
  private static void rotateHead(long head, long c, long s, float direction, int half) {
    long second = head + 4L * half;
    int i = 0;
    for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 4L * i;
      FloatVector a = fromMemorySegment(FLOATS, ALL, head + at, ORDER);
      FloatVector b = fromMemorySegment(FLOATS, ALL, second + at, ORDER);
      FloatVector cos = fromMemorySegment(FLOATS, ALL, c + at, ORDER);
      FloatVector sin = fromMemorySegment(FLOATS, ALL, s + at, ORDER).mul(direction);
      a.mul(cos).sub(b.mul(sin)).intoMemorySegment(ALL, head + at, ORDER);
      b.mul(cos).add(a.mul(sin)).intoMemorySegment(ALL, second + at, ORDER);
    }
    for (; i < half; i++) {
      long at = 4L * i;
      float a = Memory.getFloat(head + at);
      float b = Memory.getFloat(second + at);
      float cos = Memory.getFloat(c + at);
      float sin = Memory.getFloat(s + at) * direction;
      Memory.putFloat(head + at, a * cos - b * sin);
      Memory.putFloat(second + at, b * cos + a * sin);
    }
  }
}
