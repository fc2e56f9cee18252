package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.Philox;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/** Numbers that are drawn where they are needed. */
public final class Noise {

  private Noise() {}

  /** Rows {@code [from, to)} of {@code x[t] += amplitudes[t] · u}. */
  public static void add(
      Tensor x, Tensor amplitudes, UniformNoise noise, Scratch scratch, int from, int to) {
    int columns = x.columns();
    long xs = HostBuffer.address(x);
    long sizes = HostBuffer.address(amplitudes);
    // The numbers of a row, preceded by those of its first quad that belong to the row before.
    long drawn = scratch.reserve(4L * (columns + 8));
    int[] lanes = new int[4];
    for (int row = from; row < to; row++) {
      long first = (long) row * columns;
      draw(noise, first, columns, drawn, lanes);
      float amplitude = Memory.getFloat(sizes + 4L * row);
      addScaled(amplitude, drawn + 4 * (first & 3), xs + row * HostBuffer.rowBytes(x), columns);
    }
  }

  private static void draw(UniformNoise noise, long first, int columns, long out, int[] lanes) {
    long at = out;
    for (long quad = first / 4; quad * 4 < first + columns; quad++) {
      Philox.lanes(noise, quad, lanes);
      for (int i = 0; i < 4; i++, at += 4) {
        Memory.putFloat(at, UniformNoise.of(lanes[i]));
      }
    }
  }

  /** {@code y += factor · x}. */
  private static void addScaled(float factor, long x, long y, int n) {
    FloatVector factors = FloatVector.broadcast(FLOATS, factor);
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      fromMemorySegment(FLOATS, ALL, x + 4L * i, ORDER)
          .fma(factors, fromMemorySegment(FLOATS, ALL, y + 4L * i, ORDER))
          .intoMemorySegment(ALL, y + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      float sum = Math.fma(Memory.getFloat(x + 4L * i), factor, Memory.getFloat(y + 4L * i));
      Memory.putFloat(y + 4L * i, sum);
    }
  }
}
