package dev.graft.trainer.train;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Kernels that count what is allocated and allocate nothing. They answer questions as the kernels
 * that they stand for, take what is written, and compute nothing.
 */
final class PlanningKernels implements Kernels {

  private static final DeviceBuffer NOWHERE = new DeviceBuffer() {};

  private final Kernels real;
  private long bytes;

  /**
   * @param real stays the caller's
   */
  PlanningKernels(Kernels real) {
    this.real = real;
  }

  @Override
  public String describe() {
    return real.describe();
  }

  @Override
  public ElementType activationType() {
    return real.activationType();
  }

  @Override
  public int efficientRows(int rows) {
    return real.efficientRows(rows);
  }

  @Override
  public Tensor allocate(ElementType type, int rows, int columns) {
    bytes += (long) rows * columns * type.bytes();
    return Tensor.of(NOWHERE, type, rows, columns);
  }

  @Override
  public long allocatedBytes() {
    return bytes;
  }

  @Override
  public void write(Tensor target, int[] values) {}

  @Override
  public void write(Tensor target, float[] values) {}

  @Override
  public void close() {}

  private static UnsupportedOperationException computesNothing() {
    return new UnsupportedOperationException("these kernels only count memory");
  }

  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    throw computesNothing();
  }

  @Override
  public Tensor parameter(INDArray master) {
    throw computesNothing();
  }

  @Override
  public void push(Tensor parameter) {
    throw computesNothing();
  }

  @Override
  public void pull(Tensor parameter) {
    throw computesNothing();
  }

  @Override
  public float[] read(Tensor source) {
    throw computesNothing();
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    throw computesNothing();
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    throw computesNothing();
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    throw computesNothing();
  }

  @Override
  public void embed(Tensor ids, Tensor table, Tensor out) {
    throw computesNothing();
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) {
    throw computesNothing();
  }

  @Override
  public void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx) {
    throw computesNothing();
  }

  @Override
  public void rope(Tensor x, Tensor positions, Tensor cosine, Tensor sine) {
    throw computesNothing();
  }

  @Override
  public void ropeBackward(Tensor dx, Tensor positions, Tensor cosine, Tensor sine) {
    throw computesNothing();
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
    throw computesNothing();
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
    throw computesNothing();
  }

  @Override
  public void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    throw computesNothing();
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor out) {
    throw computesNothing();
  }

  @Override
  public void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup) {
    throw computesNothing();
  }

  @Override
  public void crossEntropy(
      Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits) {
    throw computesNothing();
  }

  @Override
  public void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss) {
    throw computesNothing();
  }

  @Override
  public void gatherRows(Tensor x, Tensor index, Tensor out) {
    throw computesNothing();
  }

  @Override
  public void scatterRows(Tensor x, Tensor index, Tensor out) {
    throw computesNothing();
  }

  @Override
  public void copy(Tensor x, Tensor out) {
    throw computesNothing();
  }

  @Override
  public void add(Tensor x, Tensor y) {
    throw computesNothing();
  }

  @Override
  public void scale(Tensor x, float factor) {
    throw computesNothing();
  }

  @Override
  public void zero(Tensor x) {
    throw computesNothing();
  }

  @Override
  public void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate) {
    throw computesNothing();
  }

  @Override
  public double sumOfSquares(Tensor x) {
    throw computesNothing();
  }
}
