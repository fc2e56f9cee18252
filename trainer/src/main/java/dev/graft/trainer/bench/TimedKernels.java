package dev.graft.trainer.bench;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Other kernels, with a stopwatch around each operation. Two readings of the clock an operation: 50
 * ns or so against the milliseconds of a product, see {@link #clockNanos}.
 */
final class TimedKernels implements Kernels {

  private final Kernels kernels;
  // What weight() gave out: products with anything else are the adapters'.
  private final Set<DeviceBuffer> base = Collections.newSetFromMap(new IdentityHashMap<>());
  private final long[] nanos = new long[Operation.values().length];
  private final long[] calls = new long[Operation.values().length];
  private final long[] flops = new long[Operation.values().length];

  TimedKernels(Kernels kernels) {
    this.kernels = kernels;
  }

  // ---- what was measured ----

  /** Forgets all times. */
  void reset() {
    Arrays.fill(nanos, 0);
    Arrays.fill(calls, 0);
    Arrays.fill(flops, 0);
  }

  /** Time in an operation since the last {@link #reset}. */
  long nanos(Operation operation) {
    return nanos[operation.ordinal()];
  }

  /** Time in all operations since the last {@link #reset}. */
  long totalNanos() {
    return Arrays.stream(nanos).sum();
  }

  /** How often an operation was called. */
  long calls(Operation operation) {
    return calls[operation.ordinal()];
  }

  /** How often any operation was called. */
  long totalCalls() {
    return Arrays.stream(calls).sum();
  }

  /** Floating-point operations of an operation that is a matrix product, else 0. */
  long flops(Operation operation) {
    return flops[operation.ordinal()];
  }

  /** What measuring one call costs, in ns, found by measuring nothing often. */
  static double clockNanos() {
    int times = 200_000;
    long sum = 0;
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      long before = System.nanoTime();
      sum += before - System.nanoTime();
    }
    long end = System.nanoTime();
    // The sum is 0 or less and only keeps the loop alive.
    return (end - start + Math.min(0, Math.signum((float) sum) - 1)) / (double) times;
  }

  private void done(Operation operation, long start) {
    nanos[operation.ordinal()] += System.nanoTime() - start;
    calls[operation.ordinal()]++;
  }

  private void product(Operation operation, long start, Tensor x, Tensor y) {
    done(operation, start);
    flops[operation.ordinal()] += 2L * x.size() * y.columns();
  }

  // ---- the kernels ----

  @Override
  public String describe() {
    return kernels.describe();
  }

  @Override
  public ElementType activationType() {
    return kernels.activationType();
  }

  @Override
  public int efficientRows(int rows) {
    return kernels.efficientRows(rows);
  }

  @Override
  public Tensor allocate(ElementType type, int rows, int columns) {
    return kernels.allocate(type, rows, columns);
  }

  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    Tensor weight = kernels.weight(type, rows, columns, bytes);
    base.add(weight.buffer());
    return weight;
  }

  @Override
  public Tensor parameter(INDArray master) {
    return kernels.parameter(master);
  }

  @Override
  public void push(Tensor parameter) {
    long start = System.nanoTime();
    kernels.push(parameter);
    done(Operation.HOST, start);
  }

  @Override
  public void pull(Tensor parameter) {
    long start = System.nanoTime();
    kernels.pull(parameter);
    done(Operation.HOST, start);
  }

  @Override
  public void write(Tensor target, int[] values) {
    long start = System.nanoTime();
    kernels.write(target, values);
    done(Operation.HOST, start);
  }

  @Override
  public void write(Tensor target, float[] values) {
    long start = System.nanoTime();
    kernels.write(target, values);
    done(Operation.HOST, start);
  }

  @Override
  public float[] read(Tensor source) {
    long start = System.nanoTime();
    float[] values = kernels.read(source);
    done(Operation.HOST, start);
    return values;
  }

  @Override
  public long allocatedBytes() {
    return kernels.allocatedBytes();
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    boolean frozen = base.contains(w.buffer());
    long start = System.nanoTime();
    kernels.linear(x, w, y, accumulate);
    product(frozen ? Operation.BASE_FORWARD : Operation.ADAPTER_FORWARD, start, x, y);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    boolean frozen = base.contains(w.buffer());
    long start = System.nanoTime();
    kernels.linearBackwardInput(dy, w, dx, accumulate);
    product(frozen ? Operation.BASE_BACKWARD : Operation.ADAPTER_BACKWARD, start, dy, dx);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    long start = System.nanoTime();
    kernels.linearBackwardWeight(dy, x, dw, accumulate);
    product(Operation.ADAPTER_GRADIENT, start, dy, x);
  }

  @Override
  public void embed(Tensor ids, Tensor table, Tensor out) {
    long start = System.nanoTime();
    kernels.embed(ids, table, out);
    done(Operation.MOVING, start);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) {
    long start = System.nanoTime();
    kernels.rmsNorm(x, weight, epsilon, y, inverseRms);
    done(Operation.RMS_NORM, start);
  }

  @Override
  public void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx) {
    long start = System.nanoTime();
    kernels.rmsNormBackward(dy, x, weight, inverseRms, dx);
    done(Operation.RMS_NORM_BACKWARD, start);
  }

  @Override
  public void rope(Tensor x, Tensor positions, Tensor cosine, Tensor sine) {
    long start = System.nanoTime();
    kernels.rope(x, positions, cosine, sine);
    done(Operation.ROPE, start);
  }

  @Override
  public void ropeBackward(Tensor dx, Tensor positions, Tensor cosine, Tensor sine) {
    long start = System.nanoTime();
    kernels.ropeBackward(dx, positions, cosine, sine);
    done(Operation.ROPE, start);
  }

  @Override
  public void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp) {
    long start = System.nanoTime();
    kernels.attention(q, k, v, segmentStarts, shape, out, logSumExp);
    done(Operation.ATTENTION, start);
  }

  @Override
  public void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp,
      Tensor dout,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    long start = System.nanoTime();
    kernels.attentionBackward(q, k, v, segmentStarts, shape, out, logSumExp, dout, dq, dk, dv);
    done(Operation.ATTENTION_BACKWARD, start);
  }

  @Override
  public void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    long start = System.nanoTime();
    kernels.cachedAttention(q, keys, values, length, shape, out);
    done(Operation.CACHED_ATTENTION, start);
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor out) {
    long start = System.nanoTime();
    kernels.swiGlu(gate, up, out);
    done(Operation.SWIGLU, start);
  }

  @Override
  public void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup) {
    long start = System.nanoTime();
    kernels.swiGluBackward(gate, up, dout, dgate, dup);
    done(Operation.SWIGLU_BACKWARD, start);
  }

  @Override
  public void crossEntropy(
      Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits) {
    long start = System.nanoTime();
    kernels.crossEntropy(logits, targets, scale, loss, dlogits);
    done(Operation.CROSS_ENTROPY, start);
  }

  @Override
  public void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss) {
    long start = System.nanoTime();
    kernels.crossEntropyLoss(logits, targets, loss);
    done(Operation.CROSS_ENTROPY, start);
  }

  @Override
  public void gatherRows(Tensor x, Tensor index, Tensor out) {
    long start = System.nanoTime();
    kernels.gatherRows(x, index, out);
    done(Operation.MOVING, start);
  }

  @Override
  public void scatterRows(Tensor x, Tensor index, Tensor out) {
    long start = System.nanoTime();
    kernels.scatterRows(x, index, out);
    done(Operation.MOVING, start);
  }

  @Override
  public void copy(Tensor x, Tensor out) {
    long start = System.nanoTime();
    kernels.copy(x, out);
    done(Operation.MOVING, start);
  }

  @Override
  public void add(Tensor x, Tensor y) {
    long start = System.nanoTime();
    kernels.add(x, y);
    done(Operation.MOVING, start);
  }

  @Override
  public void scale(Tensor x, float factor) {
    long start = System.nanoTime();
    kernels.scale(x, factor);
    done(Operation.MOVING, start);
  }

  @Override
  public void zero(Tensor x) {
    long start = System.nanoTime();
    kernels.zero(x);
    done(Operation.MOVING, start);
  }

  @Override
  public void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate) {
    long start = System.nanoTime();
    kernels.dropout(x, mask, out, accumulate);
    done(Operation.DROPOUT, start);
  }

  @Override
  public double sumOfSquares(Tensor x) {
    long start = System.nanoTime();
    double sum = kernels.sumOfSquares(x);
    done(Operation.MOVING, start);
    return sum;
  }

  @Override
  public void close() {
    kernels.close();
  }
}
