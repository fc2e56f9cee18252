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
      long g = gates + row * HostBuffer.rowBytes(gate);
      long u = ups + row * HostBuffer.rowBytes(up);
      long o = outs + row * HostBuffer.rowBytes(out);
      int done =
          gate.type() == ElementType.F32
              ? forwardRow(g, u, o, gate.columns())
              : forwardBrainRow(g, u, o, gate.columns());
      if (done < gate.columns()) {
        forwardTail(gate.type(), g, u, o, done, gate.columns(), scratch.tail());
      }
    }
  }

  private static int forwardRow(long gate, long up, long out, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 4L * i;
      Lanes.store(out + at, gated(Lanes.load(gate + at), Lanes.load(up + at)));
    }
    return i;
  }

  private static int forwardBrainRow(long gate, long up, long out, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 2L * i;
      Lanes.storeBrain(out + at, gated(Lanes.loadBrain(gate + at), Lanes.loadBrain(up + at)));
    }
    return i;
  }

  private static void forwardTail(
      ElementType type, long gate, long up, long out, int done, int columns, long tail) {
    long at = (long) done * type.bytes();
    int rest = columns - done;
    FloatVector g = Lanes.loadPart(type, gate + at, rest, 0, tail);
    FloatVector u = Lanes.loadPart(type, up + at, rest, 0, tail);
    Lanes.storePart(type, out + at, gated(g, u), rest, tail);
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
      long g = gates + row * HostBuffer.rowBytes(gate);
      long u = ups + row * HostBuffer.rowBytes(up);
      long d = douts + row * HostBuffer.rowBytes(dout);
      long dg = dgates + row * HostBuffer.rowBytes(dgate);
      long du = dups + row * HostBuffer.rowBytes(dup);
      int done =
          gate.type() == ElementType.F32
              ? backwardRow(g, u, d, dg, du, gate.columns())
              : backwardBrainRow(g, u, d, dg, du, gate.columns());
      if (done < gate.columns()) {
        backwardTail(gate.type(), g, u, d, dg, du, done, gate.columns(), scratch.tail());
      }
    }
  }

  private static int backwardRow(long gate, long up, long dout, long dgate, long dup, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 4L * i;
      FloatVector g = Lanes.load(gate + at);
      FloatVector d = Lanes.load(dout + at);
      FloatVector sigma = VectorMath.sigmoid(g);
      FloatVector silu = g.mul(sigma);
      FloatVector byGate = d.mul(Lanes.load(up + at)).mul(siluSlope(sigma, silu));
      Lanes.store(dup + at, d.mul(silu));
      Lanes.store(dgate + at, byGate);
    }
    return i;
  }

  private static int backwardBrainRow(
      long gate, long up, long dout, long dgate, long dup, int columns) {
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      long at = 2L * i;
      FloatVector g = Lanes.loadBrain(gate + at);
      FloatVector d = Lanes.loadBrain(dout + at);
      FloatVector sigma = VectorMath.sigmoid(g);
      FloatVector silu = g.mul(sigma);
      FloatVector byGate = d.mul(Lanes.loadBrain(up + at)).mul(siluSlope(sigma, silu));
      Lanes.storeBrain(dup + at, d.mul(silu));
      Lanes.storeBrain(dgate + at, byGate);
    }
    return i;
  }

  private static void backwardTail(
      ElementType type,
      long gate,
      long up,
      long dout,
      long dgate,
      long dup,
      int done,
      int columns,
      long tail) {
    long at = (long) done * type.bytes();
    int rest = columns - done;
    FloatVector g = Lanes.loadPart(type, gate + at, rest, 0, tail);
    FloatVector u = Lanes.loadPart(type, up + at, rest, 0, tail);
    FloatVector d = Lanes.loadPart(type, dout + at, rest, 0, tail);
    FloatVector sigma = VectorMath.sigmoid(g);
    FloatVector silu = g.mul(sigma);
    Lanes.storePart(type, dup + at, d.mul(silu), rest, tail);
    Lanes.storePart(type, dgate + at, d.mul(u).mul(siluSlope(sigma, silu)), rest, tail);
  }

  /** silu'(z) = σ + z σ (1 - σ) = σ + silu - silu · σ. */
  private static FloatVector siluSlope(FloatVector sigma, FloatVector silu) {
    return sigma.add(silu).sub(silu.mul(sigma));
  }
}
