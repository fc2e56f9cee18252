package dev.graft.trainer.kernels.reference;

import static dev.graft.trainer.kernels.reference.Algebra.logSumExp;
import static dev.graft.trainer.kernels.reference.Algebra.product;
import static dev.graft.trainer.kernels.reference.Algebra.productWithTransposed;
import static dev.graft.trainer.kernels.reference.Algebra.transposedProduct;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Attention one segment and one head at a time, with the whole matrix of scores. */
final class ReferenceAttention {

  private final ReferenceMemory memory;
  private final DataType compute;

  ReferenceAttention(ReferenceMemory memory, DataType compute) {
    this.memory = memory;
    this.compute = compute;
  }

  /** A run of tokens that see one another. */
  private record Segment(int first, int length) {

    Tensor of(Tensor tokens) {
      return tokens.rows(first, length);
    }
  }

  void forward(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp) {
    int[] starts = memory.integers(segmentStarts);
    for (int first = 0; first < starts.length; ) {
      Segment segment = segmentAt(first, starts);
      INDArray mask = mask(segment.length, segment.length, shape.window());
      Tensor statistics = logSumExp.columns(segment.first, segment.length);
      attend(segment.of(q), segment.of(k), segment.of(v), mask, shape, segment.of(out), statistics);
      first += segment.length;
    }
  }

  void cached(Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    INDArray mask = mask(q.rows(), length, shape.window());
    attend(q, keys.rows(0, length), values.rows(0, length), mask, shape, out, null);
  }

  private void attend(
      Tensor q,
      Tensor k,
      Tensor v,
      INDArray mask,
      AttentionShape shape,
      Tensor out,
      @Nullable Tensor logSumExp) {
    for (int h = 0; h < shape.heads(); h++) {
      int group = h / shape.groupSize();
      INDArray scores = scores(head(q, h, shape), head(k, group, shape), mask, shape);
      INDArray lse = logSumExp(scores); // (T, 1)
      INDArray p = Transforms.exp(scores.sub(lse), false);
      memory.store(product(p, memory.at(head(v, group, shape))), head(out, h, shape));
      if (logSumExp != null) {
        memory.store(lse.transpose(), logSumExp.rows(h, 1));
      }
    }
  }

  void backward(
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
    int[] starts = memory.integers(segmentStarts);
    for (int first = 0; first < starts.length; ) {
      Segment s = segmentAt(first, starts);
      INDArray mask = mask(s.length, s.length, shape.window());
      for (int group = 0; group < shape.keyValueHeads(); group++) {
        Tensor kHead = head(s.of(k), group, shape);
        INDArray keys = memory.at(kHead); // (n, hd)
        INDArray values = memory.at(head(s.of(v), group, shape)); // (n, hd)
        INDArray dKeys = HostArrays.zeros(compute, s.length, shape.headDim());
        INDArray dValues = HostArrays.zeros(compute, s.length, shape.headDim());
        for (int h = group * shape.groupSize(); h < (group + 1) * shape.groupSize(); h++) {
          Tensor qHead = head(s.of(q), h, shape);
          INDArray lse = memory.at(logSumExp.rows(h, 1).columns(s.first, s.length)).transpose();
          INDArray p = Transforms.exp(scores(qHead, kHead, mask, shape).sub(lse), false);
          INDArray dOut = memory.at(head(s.of(dout), h, shape)); // (n, hd)
          dValues.addi(transposedProduct(p, dOut));
          INDArray dP = productWithTransposed(dOut, values);
          INDArray d = dOut.mul(memory.at(head(s.of(out), h, shape))).sum(true, 1); // (n, 1)
          INDArray dS = dP.subi(d).muli(p).muli(shape.scale());
          memory.store(product(dS, keys), head(s.of(dq), h, shape));
          dKeys.addi(transposedProduct(dS, memory.at(qHead)));
        }
        memory.store(dKeys, head(s.of(dk), group, shape));
        memory.store(dValues, head(s.of(dv), group, shape));
      }
      first += s.length;
    }
  }

  /** {@code scale · q kᵀ}, minus infinity where a query does not see a key. */
  private INDArray scores(Tensor q, Tensor k, INDArray mask, AttentionShape shape) {
    INDArray products = productWithTransposed(memory.at(q), memory.at(k));
    return products.muli(shape.scale()).addi(mask);
  }

  private static Tensor head(Tensor x, int head, AttentionShape shape) {
    return x.columns(head * shape.headDim(), shape.headDim());
  }

  private static Segment segmentAt(int first, int[] starts) {
    int end = first;
    while (end < starts.length && starts[end] == starts[first]) {
      end++;
    }
    return new Segment(first, end - first);
  }

  /**
   * (queries, keys): 0 where a query sees a key, minus infinity elsewhere; the last see the last.
   */
  private INDArray mask(int queries, int keys, int window) {
    float[] mask = new float[Math.multiplyExact(queries, keys)];
    for (int i = 0; i < queries; i++) {
      int position = keys - queries + i;
      for (int key = 0; key < keys; key++) {
        boolean sees = key <= position && position - key < window;
        mask[i * keys + key] = sees ? 0 : Float.NEGATIVE_INFINITY;
      }
    }
    return HostArrays.matrix(compute, queries, keys, mask);
  }
}
