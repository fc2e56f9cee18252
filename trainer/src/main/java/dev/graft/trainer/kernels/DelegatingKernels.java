package dev.graft.trainer.kernels;

import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Kernels in front of others. All that computes or moves numbers passes through one method, so that
 * whoever wants to measure it, or to leave it out, says so once.
 */
public abstract class DelegatingKernels implements Kernels {

  /** What kind of work passes by. */
  public enum Work {
    /** {@link #push}, {@link #pull}, {@link #write} and {@link #read}. */
    HOST,
    PRODUCT,
    ATTENTION,
    ATTENTION_BACKWARD,
    CACHED_ATTENTION,
    RMS_NORM,
    RMS_NORM_BACKWARD,
    ROPE,
    SWIGLU,
    SWIGLU_BACKWARD,
    CROSS_ENTROPY,
    DROPOUT,
    NOISE,
    /** Rows gathered or scattered, copies, sums, scaling, zeroing. */
    MOVING,
    /** {@link #adamW}. */
    UPDATE
  }

  private final Kernels kernels;

  /**
   * @param kernels closed with these
   */
  protected DelegatingKernels(Kernels kernels) {
    this.kernels = kernels;
  }

  /** Does some work of the kernels behind these, or does not. */
  protected abstract void perform(Work kind, Runnable work);

  /** The kernels behind these. */
  protected final Kernels kernels() {
    return kernels;
  }

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
    return kernels.weight(type, rows, columns, bytes);
  }

  @Override
  public Tensor parameter(INDArray master) {
    return kernels.parameter(master);
  }

  @Override
  public long allocatedBytes() {
    return kernels.allocatedBytes();
  }

  @Override
  public ProductScratch productScratch(
      LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    return kernels.productScratch(product, a, b, c, accumulate);
  }

  @Override
  public void push(Tensor parameter) {
    perform(Work.HOST, () -> kernels.push(parameter));
  }

  @Override
  public void pull(Tensor parameter) {
    perform(Work.HOST, () -> kernels.pull(parameter));
  }

  @Override
  public void write(Tensor target, int[] values) {
    perform(Work.HOST, () -> kernels.write(target, values));
  }

  @Override
  public void write(Tensor target, float[] values) {
    perform(Work.HOST, () -> kernels.write(target, values));
  }

  /** All zero where the work is not done. */
  @Override
  public float[] read(Tensor source) {
    float[][] values = {new float[Math.toIntExact(source.size())]};
    perform(Work.HOST, () -> values[0] = kernels.read(source));
    return values[0];
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    perform(Work.PRODUCT, () -> kernels.linear(x, w, y, accumulate));
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    perform(Work.PRODUCT, () -> kernels.linearBackwardInput(dy, w, dx, accumulate));
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    perform(Work.PRODUCT, () -> kernels.linearBackwardWeight(dy, x, dw, accumulate));
  }

  @Override
  public void rowSquares(Tensor w, Tensor squares) {
    perform(Work.MOVING, () -> kernels.rowSquares(w, squares));
  }

  @Override
  public void magnitudeGains(
      Tensor squares,
      Tensor cross,
      Tensor gram,
      Tensor b,
      float scale,
      Tensor magnitude,
      Tensor inverseLengths,
      Tensor gains) {
    perform(
        Work.MOVING,
        () ->
            kernels.magnitudeGains(
                squares, cross, gram, b, scale, magnitude, inverseLengths, gains));
  }

  @Override
  public void scaleColumns(Tensor x, Tensor factors, Tensor y, boolean accumulate) {
    perform(Work.MOVING, () -> kernels.scaleColumns(x, factors, y, accumulate));
  }

  @Override
  public void scaleColumnsBackwardFactors(Tensor dy, Tensor x, Tensor constants, Tensor dfactors) {
    perform(Work.MOVING, () -> kernels.scaleColumnsBackwardFactors(dy, x, constants, dfactors));
  }

  @Override
  public void embed(Tensor ids, Tensor table, Tensor out) {
    perform(Work.MOVING, () -> kernels.embed(ids, table, out));
  }

  @Override
  public void embedBackward(Tensor ids, Tensor dout, Tensor dtable) {
    perform(Work.MOVING, () -> kernels.embedBackward(ids, dout, dtable));
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) {
    perform(Work.RMS_NORM, () -> kernels.rmsNorm(x, weight, epsilon, y, inverseRms));
  }

  @Override
  public void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx) {
    perform(Work.RMS_NORM_BACKWARD, () -> kernels.rmsNormBackward(dy, x, weight, inverseRms, dx));
  }

  @Override
  public void rmsNormBackwardWeight(Tensor dy, Tensor x, Tensor inverseRms, Tensor dweight) {
    perform(
        Work.RMS_NORM_BACKWARD, () -> kernels.rmsNormBackwardWeight(dy, x, inverseRms, dweight));
  }

  @Override
  public void rope(Tensor x, Tensor positions, Tensor cosine, Tensor sine) {
    perform(Work.ROPE, () -> kernels.rope(x, positions, cosine, sine));
  }

  @Override
  public void ropeBackward(Tensor dx, Tensor positions, Tensor cosine, Tensor sine) {
    perform(Work.ROPE, () -> kernels.ropeBackward(dx, positions, cosine, sine));
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
    perform(Work.ATTENTION, () -> kernels.attention(q, k, v, segmentStarts, shape, out, logSumExp));
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
    perform(
        Work.ATTENTION_BACKWARD,
        () ->
            kernels.attentionBackward(
                q, k, v, segmentStarts, shape, out, logSumExp, dout, dq, dk, dv));
  }

  @Override
  public void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    perform(
        Work.CACHED_ATTENTION, () -> kernels.cachedAttention(q, keys, values, length, shape, out));
  }

  @Override
  public void cachedAttentionOfEach(
      Tensor q,
      Tensor keys,
      Tensor values,
      int[] starts,
      int[] lengths,
      AttentionShape shape,
      Tensor out) {
    perform(
        Work.CACHED_ATTENTION,
        () -> kernels.cachedAttentionOfEach(q, keys, values, starts, lengths, shape, out));
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor out) {
    perform(Work.SWIGLU, () -> kernels.swiGlu(gate, up, out));
  }

  @Override
  public void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup) {
    perform(Work.SWIGLU_BACKWARD, () -> kernels.swiGluBackward(gate, up, dout, dgate, dup));
  }

  @Override
  public void crossEntropy(
      Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits) {
    perform(Work.CROSS_ENTROPY, () -> kernels.crossEntropy(logits, targets, scale, loss, dlogits));
  }

  @Override
  public void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss) {
    perform(Work.CROSS_ENTROPY, () -> kernels.crossEntropyLoss(logits, targets, loss));
  }

  @Override
  public void gatherRows(Tensor x, Tensor index, Tensor out) {
    perform(Work.MOVING, () -> kernels.gatherRows(x, index, out));
  }

  @Override
  public void scatterRows(Tensor x, Tensor index, Tensor out) {
    perform(Work.MOVING, () -> kernels.scatterRows(x, index, out));
  }

  @Override
  public void copy(Tensor x, Tensor out) {
    perform(Work.MOVING, () -> kernels.copy(x, out));
  }

  @Override
  public void add(Tensor x, Tensor y) {
    perform(Work.MOVING, () -> kernels.add(x, y));
  }

  @Override
  public void scale(Tensor x, float factor) {
    perform(Work.MOVING, () -> kernels.scale(x, factor));
  }

  @Override
  public void zero(Tensor x) {
    perform(Work.MOVING, () -> kernels.zero(x));
  }

  @Override
  public void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate) {
    perform(Work.DROPOUT, () -> kernels.dropout(x, mask, out, accumulate));
  }

  @Override
  public void addNoise(Tensor x, Tensor amplitudes, UniformNoise noise) {
    perform(Work.NOISE, () -> kernels.addNoise(x, amplitudes, noise));
  }

  /** 0 where the work is not done. */
  @Override
  public double sumOfSquares(Tensor x) {
    double[] sum = {0};
    perform(Work.MOVING, () -> sum[0] = kernels.sumOfSquares(x));
    return sum[0];
  }

  @Override
  public boolean updatesParameters() {
    return kernels.updatesParameters();
  }

  @Override
  public void adamW(Tensor parameters, Tensor gradients, Tensor m, Tensor v, AdamWUpdate update) {
    perform(Work.UPDATE, () -> kernels.adamW(parameters, gradients, m, v, update));
  }

  @Override
  public void repeat(Object key, Runnable work) {
    kernels.repeat(key, work);
  }

  @Override
  public boolean returnsEarly() {
    return kernels.returnsEarly();
  }

  @Override
  public void finish() {
    kernels.finish();
  }

  @Override
  public OptionalLong deviceBytesTaken() {
    return kernels.deviceBytesTaken();
  }

  @Override
  public OptionalLong deviceBytes() {
    return kernels.deviceBytes();
  }

  @Override
  public void close() {
    kernels.close();
  }
}
