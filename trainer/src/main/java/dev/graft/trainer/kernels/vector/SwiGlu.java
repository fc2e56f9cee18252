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

/**
 * SwiGLU (Shazeer 2020), forward and backward, each in one pass over memory. bfloat16 rows are
 * widened into scratch and rounded back a chunk at a time: a chunk of each operand fits into the
 * first-level cache.
 */
public final class SwiGlu {

  // Not 1024: chunks 4096 bytes apart would share the address bits by which loads check for stores.
  private static final int CHUNK = 960;

  private SwiGlu() {}

  /** Rows of {@code out = silu(gate) · up}. */
  public static void forward(
      Tensor gate, Tensor up, Tensor out, Scratch scratch, int from, int to) {
    ElementType type = gate.type();
    long gates = HostBuffer.address(gate);
    long ups = HostBuffer.address(up);
    long outs = HostBuffer.address(out);
    long wide = scratch.reserve(2 * 4L * CHUNK);
    for (int row = from; row < to; row++) {
      long g = gates + row * HostBuffer.rowBytes(gate);
      long u = ups + row * HostBuffer.rowBytes(up);
      long o = outs + row * HostBuffer.rowBytes(out);
      if (type == ElementType.F32) {
        gate(g, u, o, gate.columns(), scratch.tail());
        continue;
      }
      for (int start = 0; start < gate.columns(); start += CHUNK) {
        int n = Math.min(CHUNK, gate.columns() - start);
        long at = (long) start * type.bytes();
        Elements.widen(type, g + at, wide, n);
        Elements.widen(type, u + at, wide + 4L * CHUNK, n);
        gate(wide, wide + 4L * CHUNK, wide, n, scratch.tail());
        Elements.convert(ElementType.F32, wide, type, o + at, n);
      }
    }
  }

  /** {@code out = silu(gate) · up} in float32; out may be gate. */
  private static void gate(long gate, long up, long out, int n, long tail) {
    int whole = n - n % Lanes.COUNT;
    gateVectors(gate, up, out, whole);
    if (whole < n) {
      long at = 4L * whole;
      long upTail = tail + 4L * Lanes.COUNT;
      Lanes.pad(gate + at, n - whole, 0, tail);
      Lanes.pad(up + at, n - whole, 0, upTail);
      gateVectors(tail, upTail, tail, Lanes.COUNT);
      Memory.copy(tail, out + at, 4L * (n - whole));
    }
  }

  private static void gateVectors(long gate, long up, long out, int n) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      long at = 4L * i;
      FloatVector g = fromMemorySegment(FLOATS, ALL, gate + at, ORDER);
      FloatVector u = fromMemorySegment(FLOATS, ALL, up + at, ORDER);
      FloatVector silu = g.mul(VectorMath.sigmoid(g));
      silu.mul(u).intoMemorySegment(ALL, out + at, ORDER);
    }
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
    ElementType type = gate.type();
    long gates = HostBuffer.address(gate);
    long ups = HostBuffer.address(up);
    long douts = HostBuffer.address(dout);
    long dgates = HostBuffer.address(dgate);
    long dups = HostBuffer.address(dup);
    long wideGate = scratch.reserve(3 * 4L * CHUNK);
    long wideUp = wideGate + 4L * CHUNK;
    long wideOut = wideUp + 4L * CHUNK;
    for (int row = from; row < to; row++) {
      long g = gates + row * HostBuffer.rowBytes(gate);
      long u = ups + row * HostBuffer.rowBytes(up);
      long d = douts + row * HostBuffer.rowBytes(dout);
      long dg = dgates + row * HostBuffer.rowBytes(dgate);
      long du = dups + row * HostBuffer.rowBytes(dup);
      if (type == ElementType.F32) {
        gateBackward(g, u, d, dg, du, gate.columns(), scratch.tail());
        continue;
      }
      for (int start = 0; start < gate.columns(); start += CHUNK) {
        int n = Math.min(CHUNK, gate.columns() - start);
        long at = (long) start * type.bytes();
        Elements.widen(type, g + at, wideGate, n);
        Elements.widen(type, u + at, wideUp, n);
        Elements.widen(type, d + at, wideOut, n);
        gateBackward(wideGate, wideUp, wideOut, wideOut, wideUp, n, scratch.tail());
        Elements.convert(ElementType.F32, wideOut, type, dg + at, n);
        Elements.convert(ElementType.F32, wideUp, type, du + at, n);
      }
    }
  }

  /** In float32; dgate may be dout, and dup may be up. */
  private static void gateBackward(
      long gate, long up, long dout, long dgate, long dup, int n, long tail) {
    int whole = n - n % Lanes.COUNT;
    gateBackwardVectors(gate, up, dout, dgate, dup, whole);
    if (whole < n) {
      long at = 4L * whole;
      long upTail = tail + 4L * Lanes.COUNT;
      long outTail = upTail + 4L * Lanes.COUNT;
      Lanes.pad(gate + at, n - whole, 0, tail);
      Lanes.pad(up + at, n - whole, 0, upTail);
      Lanes.pad(dout + at, n - whole, 0, outTail);
      gateBackwardVectors(tail, upTail, outTail, outTail, upTail, Lanes.COUNT);
      Memory.copy(outTail, dgate + at, 4L * (n - whole));
      Memory.copy(upTail, dup + at, 4L * (n - whole));
    }
  }

  private static void gateBackwardVectors(
      long gate, long up, long dout, long dgate, long dup, int n) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      long at = 4L * i;
      FloatVector g = fromMemorySegment(FLOATS, ALL, gate + at, ORDER);
      FloatVector u = fromMemorySegment(FLOATS, ALL, up + at, ORDER);
      FloatVector d = fromMemorySegment(FLOATS, ALL, dout + at, ORDER);
      FloatVector sigma = VectorMath.sigmoid(g);
      FloatVector silu = g.mul(sigma);
      // silu'(z) = σ + z σ (1 - σ)
      FloatVector slope = sigma.add(silu).sub(silu.mul(sigma));
      d.mul(silu).intoMemorySegment(ALL, dup + at, ORDER);
      d.mul(u).mul(slope).intoMemorySegment(ALL, dgate + at, ORDER);
    }
  }
}
