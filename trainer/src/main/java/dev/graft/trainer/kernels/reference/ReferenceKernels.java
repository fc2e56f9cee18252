package dev.graft.trainer.kernels.reference;

import static dev.graft.trainer.kernels.reference.Algebra.logSumExp;
import static dev.graft.trainer.kernels.reference.Algebra.product;
import static dev.graft.trainer.kernels.reference.Algebra.productWithTransposed;
import static dev.graft.trainer.kernels.reference.Algebra.transposedProduct;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.Philox;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * The living definition of {@link Kernels}, in plain ND4J operations on whichever backend is on the
 * class path. In float64 it is the oracle that other kernels and derivatives are checked against.
 *
 * <p>Tensors have at least one row: ND4J computes nothing on empty arrays.
 */
public final class ReferenceKernels implements Kernels {

  private final DataType compute;
  private final ElementType act;
  private final ReferenceMemory memory;
  private final ReferenceAttention attention;

  /**
   * Kernels that compute, and keep every tensor, in one type.
   *
   * @param compute FLOAT or DOUBLE
   * @param act F32, or BF16 to round activations to bfloat16 as they are stored
   */
  public ReferenceKernels(DataType compute, ElementType act) {
    if (compute != DataType.FLOAT && compute != DataType.DOUBLE) {
      throw new IllegalArgumentException("reference kernels cannot compute in " + compute);
    }
    if (act != ElementType.F32 && act != ElementType.BF16) {
      throw new IllegalArgumentException("activations cannot be " + act);
    }
    HostArrays.computeOnOneThread();
    this.compute = compute;
    this.act = act;
    this.memory = new ReferenceMemory(compute);
    this.attention = new ReferenceAttention(memory, compute);
  }

  @Override
  public String describe() {
    return "reference kernels: plain ND4J operations on %s, computing in %s, activations %s; slow"
        .formatted(HostArrays.backend(), compute == DataType.FLOAT ? "float32" : "float64", act);
  }

  @Override
  public ElementType activationType() {
    return act;
  }

  // ---- memory ----

  @Override
  public Tensor allocate(ElementType type, int rows, int columns) {
    return memory.allocate(type, rows, columns);
  }

  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    return memory.weight(type, rows, columns, bytes);
  }

  @Override
  public Tensor parameter(INDArray master) {
    return memory.parameter(master);
  }

  @Override
  public void push(Tensor parameter) {
    memory.push(parameter);
  }

  @Override
  public void pull(Tensor parameter) {
    memory.pull(parameter);
  }

  @Override
  public void write(Tensor target, int[] values) {
    memory.write(target, values);
  }

  @Override
  public void write(Tensor target, float[] values) {
    memory.store(memory.matrix(target, values), target);
  }

  @Override
  public float[] read(Tensor source) {
    return memory.read(source);
  }

  @Override
  public long allocatedBytes() {
    return memory.allocatedBytes();
  }

  // ---- products ----

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    memory.store(productWithTransposed(at(x), at(w)), y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    memory.store(product(at(dy), at(w)), dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    memory.store(transposedProduct(at(dy), at(x)), dw, accumulate);
  }

  // ---- magnitudes of rows ----

  @Override
  public void rowSquares(Tensor w, Tensor squares) {
    memory.store(at(w).mul(at(w)).sum(true, 1).transpose(), squares);
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
    INDArray crossed = at(b).mul(at(cross).transpose()).sum(true, 1).mul(2 * scale); // (N, 1)
    INDArray updates = product(at(b), at(gram)).mul(at(b)).sum(true, 1); // (N, 1)
    INDArray lengths =
        at(squares).transpose().add(crossed).add(updates.mul((double) scale * scale));
    INDArray inverses = lengths.dup('c');
    for (int row = 0; row < b.rows(); row++) {
      double length = lengths.getDouble(row, 0);
      inverses.putScalar(row, 0, length > 0 ? 1 / Math.sqrt(length) : 0);
    }
    memory.store(inverses.transpose(), inverseLengths);
    memory.store(inverses.transpose().mul(at(magnitude)), gains);
  }

  @Override
  public void scaleColumns(Tensor x, Tensor factors, Tensor y, boolean accumulate) {
    memory.store(at(x).mul(at(factors)), y, accumulate);
  }

  @Override
  public void scaleColumnsBackwardFactors(Tensor dy, Tensor x, Tensor constants, Tensor dfactors) {
    memory.store(at(dy).mul(at(x)).sum(true, 0).mul(at(constants)), dfactors, true);
  }

  // ---- the rest of the model ----

  @Override
  public void embed(Tensor ids, Tensor table, Tensor out) {
    gatherRows(table, ids, out);
  }

  @Override
  public void embedBackward(Tensor ids, Tensor dout, Tensor dtable) {
    int[] rows = memory.integers(ids);
    for (int t = 0; t < rows.length; t++) {
      memory.store(at(dout.rows(t, 1)), dtable.rows(rows[t], 1), true);
    }
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) {
    INDArray r = Transforms.sqrt(at(x).mul(at(x)).mean(true, 1).add(epsilon), false).rdiv(1);
    memory.store(at(x).mul(r).mul(at(weight)), y);
    memory.store(r.transpose(), inverseRms);
  }

  @Override
  public void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx) {
    INDArray r = at(inverseRms).transpose(); // (T, 1)
    INDArray g = at(dy).mul(at(weight)); // (T, d)
    INDArray projection = g.mul(at(x)).sum(true, 1).mul(r).mul(r).mul(r).div(x.columns()); // (T, 1)
    memory.store(g.mul(r).sub(at(x).mul(projection)), dx, true);
  }

  @Override
  public void rmsNormBackwardWeight(Tensor dy, Tensor x, Tensor inverseRms, Tensor dweight) {
    INDArray normed = at(x).mul(at(inverseRms).transpose()); // (T, d)
    memory.store(at(dy).mul(normed).sum(true, 0), dweight, true);
  }

  @Override
  public void rope(Tensor x, Tensor positions, Tensor cosine, Tensor sine) {
    int[] rows = memory.integers(positions);
    rotate(x, HostArrays.rows(at(cosine), rows), HostArrays.rows(at(sine), rows));
  }

  @Override
  public void ropeBackward(Tensor dx, Tensor positions, Tensor cosine, Tensor sine) {
    int[] rows = memory.integers(positions);
    rotate(dx, HostArrays.rows(at(cosine), rows), HostArrays.rows(at(sine), rows).neg());
  }

  /** Turns the pairs (element i, element i + hd/2) of every head. */
  private void rotate(Tensor x, INDArray cosine, INDArray sine) {
    int half = (int) cosine.columns();
    for (int head = 0; head < x.columns(); head += 2 * half) {
      Tensor low = x.columns(head, half);
      Tensor high = x.columns(head + half, half);
      INDArray newLow = at(low).mul(cosine).sub(at(high).mul(sine));
      INDArray newHigh = at(high).mul(cosine).add(at(low).mul(sine));
      memory.store(newLow, low);
      memory.store(newHigh, high);
    }
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
    attention.forward(q, k, v, segmentStarts, shape, out, logSumExp);
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
    attention.backward(q, k, v, segmentStarts, shape, out, logSumExp, dout, dq, dk, dv);
  }

  @Override
  public void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    attention.cached(q, keys, values, length, shape, out);
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor out) {
    INDArray silu = at(gate).mul(Transforms.sigmoid(at(gate), true));
    memory.store(silu.mul(at(up)), out);
  }

  @Override
  public void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup) {
    INDArray sigmoid = Transforms.sigmoid(at(gate), true);
    INDArray silu = at(gate).mul(sigmoid);
    INDArray slope = sigmoid.mul(at(gate).mul(sigmoid.rsub(1)).add(1));
    INDArray gradient = at(dout).dup('c'); // dgate may lie on dout
    memory.store(gradient.mul(silu), dup);
    memory.store(gradient.mul(at(up)).mul(slope), dgate);
  }

  @Override
  public void crossEntropy(
      Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits) {
    int[] classes = memory.integers(targets);
    INDArray lse = logSumExp(at(logits)); // (n, 1)
    INDArray difference = Transforms.exp(at(logits).sub(lse), false); // softmax - onehot
    for (int row = 0; row < classes.length; row++) {
      difference.putScalar(row, classes[row], difference.getDouble(row, classes[row]) - 1);
    }
    crossEntropyLoss(logits, targets, loss);
    memory.store(difference.mul(scale), dlogits);
  }

  @Override
  public void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss) {
    int[] classes = memory.integers(targets);
    INDArray losses = logSumExp(at(logits)); // (n, 1)
    for (int row = 0; row < classes.length; row++) {
      losses.putScalar(row, 0, losses.getDouble(row, 0) - at(logits).getDouble(row, classes[row]));
    }
    memory.store(losses.transpose(), loss);
  }

  // ---- moving and scaling ----

  @Override
  public void gatherRows(Tensor x, Tensor index, Tensor out) {
    memory.store(HostArrays.rows(at(x), memory.integers(index)), out);
  }

  @Override
  public void scatterRows(Tensor x, Tensor index, Tensor out) {
    int[] rows = memory.integers(index);
    for (int i = 0; i < rows.length; i++) {
      memory.store(at(x.rows(i, 1)), out.rows(rows[i], 1));
    }
  }

  @Override
  public void copy(Tensor x, Tensor out) {
    memory.store(at(x), out);
  }

  @Override
  public void add(Tensor x, Tensor y) {
    memory.store(at(x), y, true);
  }

  @Override
  public void scale(Tensor x, float factor) {
    memory.store(at(x).mul(factor), x);
  }

  @Override
  public void zero(Tensor x) {
    at(x).assign(0);
  }

  @Override
  public void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate) {
    float[] factors = new float[Math.toIntExact(x.size())];
    long threshold = Philox.keepThreshold(mask.rate());
    int[] lanes = new int[4];
    for (int i = 0; i < factors.length; i++) {
      if (i % 4 == 0) {
        Philox.lanes(mask, i / 4, lanes);
      }
      factors[i] = Philox.keeps(lanes[i % 4], threshold) ? mask.keepScale() : 0;
    }
    memory.store(at(x).mul(memory.matrix(x, factors)), out, accumulate);
  }

  @Override
  public void addNoise(Tensor x, Tensor amplitudes, UniformNoise noise) {
    float[] draws = new float[Math.toIntExact(x.size())];
    int[] lanes = new int[4];
    for (int i = 0; i < draws.length; i++) {
      if (i % 4 == 0) {
        Philox.lanes(noise, i / 4, lanes);
      }
      draws[i] = UniformNoise.of(lanes[i % 4]);
    }
    memory.store(memory.matrix(x, draws).mul(at(amplitudes).transpose()), x, true);
  }

  @Override
  public double sumOfSquares(Tensor x) {
    INDArray wide = at(x).castTo(DataType.DOUBLE);
    return wide.mul(wide).sumNumber().doubleValue();
  }

  @Override
  public void close() {
    memory.close();
  }

  private INDArray at(Tensor tensor) {
    return memory.at(tensor);
  }
}
