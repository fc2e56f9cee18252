package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
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
      Tensor x, Tensor positions, Tensor cosine, Tensor sine, float direction, int from, int to) {
    int half = cosine.columns();
    int heads = x.columns() / (2 * half);
    long xs = HostBuffer.address(x);
    long places = HostBuffer.address(positions);
    long cosines = HostBuffer.address(cosine);
    long sines = HostBuffer.address(sine);
    long headBytes = 2L * half * x.type().bytes();
    for (int row = from; row < to; row++) {
      int position = Memory.getInt(places + 4L * row);
      if (position < 0 || position >= cosine.rows()) {
        throw new IndexOutOfBoundsException("position %d of %d".formatted(position, cosine.rows()));
      }
      long c = cosines + position * HostBuffer.rowBytes(cosine);
      long s = sines + position * HostBuffer.rowBytes(sine);
      long head = xs + row * HostBuffer.rowBytes(x);
      for (int h = 0; h < heads; h++, head += headBytes) {
        rotateHead(x.type(), head, c, s, direction, half);
      }
    }
  }

  /** {@code (a, b) = (a c - b s, b c + a s)} for the first and the second half of a head. */
  private static void rotateHead(
      ElementType type, long head, long c, long s, float direction, int half) {
    int bytes = type.bytes();
    long second = head + (long) half * bytes;
    int i = 0;
    for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
      long at = (long) i * bytes;
      FloatVector a = Lanes.load(type, head + at);
      FloatVector b = Lanes.load(type, second + at);
      FloatVector cos = Lanes.load(c + 4L * i);
      FloatVector sin = Lanes.load(s + 4L * i).mul(direction);
      Lanes.store(type, head + at, a.mul(cos).sub(b.mul(sin)));
      Lanes.store(type, second + at, b.mul(cos).add(a.mul(sin)));
    }
    for (; i < half; i++) {
      long at = (long) i * bytes;
      float a = Elements.get(type, head + at);
      float b = Elements.get(type, second + at);
      float cos = Memory.getFloat(c + 4L * i);
      float sin = Memory.getFloat(s + 4L * i) * direction;
      Elements.put(type, head + at, a * cos - b * sin);
      Elements.put(type, second + at, b * cos + a * sin);
    }
  }
}
