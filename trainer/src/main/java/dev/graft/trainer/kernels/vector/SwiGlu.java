package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/** SwiGLU (Shazeer 2020), forward and backward, each in one pass over memory. */
public final class SwiGlu {

  private SwiGlu() {}

  /** Rows of {@code out = silu(gate) · up}. */
  public static void forward(
      Tensor gate, Tensor up, Tensor out, Scratch scratch, int from, int to) {
    long gates = HostBuffer.address(gate);
    long ups = HostBuffer.address(up);
    long outs = HostBuffer.address(out);
    for (int row = from; row < to; row++) {
      forwardRow(
          gate.type(),
          gates + row * HostBuffer.rowBytes(gate),
          ups + row * HostBuffer.rowBytes(up),
          outs + row * HostBuffer.rowBytes(out),
          gate.columns(),
          scratch.tail());
    }
  }

  private static void forwardRow(
      ElementType type, long gate, long up, long out, int columns, long tail) {
    int bytes = type.bytes();
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      long at = (long) i * bytes;
      FloatVector g = Lanes.load(type, gate + at);
      FloatVector u = Lanes.load(type, up + at);
      Lanes.store(type, out + at, gated(g, u));
    }
    if (i < columns) {
      long at = (long) i * bytes;
      FloatVector g = Lanes.loadPart(type, gate + at, columns - i, 0, tail);
      FloatVector u = Lanes.loadPart(type, up + at, columns - i, 0, tail);
      Lanes.storePart(type, out + at, gated(g, u), columns - i, tail);
    }
  }

  private static FloatVector gated(FloatVector gate, FloatVector up) {
    return gate.mul(VectorMath.sigmoid(gate)).mul(up);
  }

  /**
   * Rows of {@code dup = dout · silu(gate)} and {@code dgate = dout · up · σ(gate) · (1 + gate · (1
   * - σ(gate)))}; dgate may be dout.
   */
  public static void backward(
      Tensor gate,
      Tensor up,
      Tensor dout,
      Tensor dgate,
      Tensor dup,
      Scratch scratch,
      int from,
      int to) {
    long gates = HostBuffer.address(gate);
    long ups = HostBuffer.address(up);
    long douts = HostBuffer.address(dout);
    long dgates = HostBuffer.address(dgate);
    long dups = HostBuffer.address(dup);
    for (int row = from; row < to; row++) {
      backwardRow(
          gate.type(),
          gates + row * HostBuffer.rowBytes(gate),
          ups + row * HostBuffer.rowBytes(up),
          douts + row * HostBuffer.rowBytes(dout),
          dgates + row * HostBuffer.rowBytes(dgate),
          dups + row * HostBuffer.rowBytes(dup),
          gate.columns(),
          scratch.tail());
    }
  }

  private static void backwardRow(
      ElementType type,
      long gate,
      long up,
      long dout,
      long dgate,
      long dup,
      int columns,
      long tail) {
    int bytes = type.bytes();
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      long at = (long) i * bytes;
      FloatVector g = Lanes.load(type, gate + at);
      FloatVector u = Lanes.load(type, up + at);
      FloatVector d = Lanes.load(type, dout + at);
      FloatVector sigma = VectorMath.sigmoid(g);
      FloatVector silu = g.mul(sigma);
      Lanes.store(type, dup + at, d.mul(silu));
      Lanes.store(type, dgate + at, d.mul(u).mul(siluSlope(sigma, silu)));
    }
    if (i < columns) {
      long at = (long) i * bytes;
      int rest = columns - i;
      FloatVector g = Lanes.loadPart(type, gate + at, rest, 0, tail);
      FloatVector u = Lanes.loadPart(type, up + at, rest, 0, tail);
      FloatVector d = Lanes.loadPart(type, dout + at, rest, 0, tail);
      FloatVector sigma = VectorMath.sigmoid(g);
      FloatVector silu = g.mul(sigma);
      Lanes.storePart(type, dup + at, d.mul(silu), rest, tail);
      Lanes.storePart(type, dgate + at, d.mul(u).mul(siluSlope(sigma, silu)), rest, tail);
    }
  }

  /** silu'(z) = σ + z σ (1 - σ) = σ + silu - silu · σ. */
  private static FloatVector siluSlope(FloatVector sigma, FloatVector silu) {
    return sigma.add(silu).sub(silu.mul(sigma));
  }
}
