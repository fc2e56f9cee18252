package dev.graft.trainer.kernels;

import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Everything the model asks of the hardware. Each operation that is differentiated has its backward
 * beside it.
 *
 * <p>Shapes: T tokens of a micro-batch, all segments in one flat run; d hidden size; H query heads,
 * G key heads, hd head dimension; F intermediate size; V vocabulary. "act" is {@link
 * #activationType()}: float32, or bfloat16 with products accumulated in float32. The residual
 * stream, softmax statistics, losses, adapters and their gradients are float32 everywhere.
 *
 * <p>Tensors are made by the kernels that use them and live until {@link #close()}. Operations run
 * in the order of the calls; results may be read when the call that reads them has returned. No
 * operation checks for overlap: outputs must not share memory with inputs unless the text says so.
 * An instance is used by one thread at a time.
 */
public interface Kernels extends AutoCloseable {

  /** One line for a person: what computes, with how many threads, in which precision, and why. */
  String describe();

  /** The type of activations that feed matrix products: F32 or BF16. */
  ElementType activationType();

  /**
   * The number of rows, at least as many as given, for which products run best. Where code is
   * generated for each shape, micro-batches are filled up to such a number with tokens that nobody
   * learns from, so that there are few shapes.
   */
  default int efficientRows(int rows) {
    return rows;
  }

  // ---- memory ----

  /** New memory on the device, zeroed. */
  Tensor allocate(ElementType type, int rows, int columns);

  /**
   * A frozen weight. The CPU uses the bytes where they lie, so the segment has to stay mapped until
   * these kernels are closed; other devices copy. A matrix may be rounded to {@link
   * #activationType()}, which products read.
   *
   * @param bytes rows · columns little-endian elements, row-major
   */
  Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes);

  /**
   * A trainable float32 matrix or its gradient, whose master copy is the given array. On the CPU
   * tensor and array are the same memory; elsewhere {@link #push} and {@link #pull} keep them
   * equal.
   *
   * @param master float32, contiguous C order
   */
  Tensor parameter(INDArray master);

  /** Brings a {@link #parameter} that was changed through its array to the device. */
  void push(Tensor parameter);

  /** Brings a {@link #parameter} that was changed on the device back to its array. */
  void pull(Tensor parameter);

  /** Writes host numbers into an I32 tensor, row-major. */
  void write(Tensor target, int[] values);

  /** Writes host numbers into a tensor, row-major, rounded to its type. */
  void write(Tensor target, float[] values);

  /** Reads a tensor of any floating-point type, row-major, into a new array. */
  float[] read(Tensor source);

  /** Bytes allocated so far by {@link #allocate}. */
  long allocatedBytes();

  /**
   * The working memory that a product of such operands takes beside them; nothing is computed.
   *
   * @param a x or dy
   * @param b W or x
   * @param c y, dx or dW
   */
  default ProductScratch productScratch(
      LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    return ProductScratch.NONE;
  }

  // ---- products ----

  /**
   * A linear layer: {@code y = x Wᵀ}, or {@code y += x Wᵀ}.
   *
   * @param x (M, K) act
   * @param w (N, K) a weight of any type, or act
   * @param y (M, N) act or float32
   */
  void linear(Tensor x, Tensor w, Tensor y, boolean accumulate);

  /**
   * Gradient of {@link #linear} towards its input: {@code dx = dy W}, or {@code dx += dy W}.
   *
   * @param dy (M, N) act
   * @param w (N, K)
   * @param dx (M, K) act or float32
   */
  void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate);

  /**
   * Gradient of {@link #linear} towards its weight: {@code dW = dyᵀ x}, or {@code dW += dyᵀ x}.
   *
   * @param dy (M, N) act
   * @param x (M, K) act
   * @param dw (N, K) float32
   */
  void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate);

  // ---- magnitudes of rows (DoRA) ----

  /**
   * The squared length of each row of a weight: {@code squares[j] = Σ w[j]²}.
   *
   * @param w (N, K) any floating-point type
   * @param squares (1, N) float32
   */
  void rowSquares(Tensor w, Tensor squares);

  /**
   * What DoRA multiplies the outputs of {@code W + s · B A} with (Liu et al. 2024, equation 5):
   * {@code gain = magnitude / c}, c being the lengths of that matrix's rows, which is never made:
   *
   * <pre>
   *   c[j]² = ‖W[j]‖² + 2s · B[j] (A Wᵀ)[:, j] + s² · B[j] (A Aᵀ) B[j]ᵀ
   * </pre>
   *
   * A row of zeros has no direction: its gain and inverse length are 0.
   *
   * @param squares (1, N) float32: ‖W[j]‖²
   * @param cross (r, N) float32: A Wᵀ
   * @param gram (r, r) float32: A Aᵀ
   * @param b (N, r) act
   * @param scale s
   * @param magnitude (1, N) float32
   * @param inverseLengths (1, N) float32: 1 / c
   * @param gains (1, N) float32
   */
  void magnitudeGains(
      Tensor squares,
      Tensor cross,
      Tensor gram,
      Tensor b,
      float scale,
      Tensor magnitude,
      Tensor inverseLengths,
      Tensor gains);

  /**
   * {@code y[t] = x[t] · factors}, or {@code y[t] += x[t] · factors}. Its own backward towards x.
   *
   * @param x (T, N) act
   * @param factors (1, N) float32
   * @param y (T, N) act or float32
   */
  void scaleColumns(Tensor x, Tensor factors, Tensor y, boolean accumulate);

  /**
   * Gradient of {@link #scaleColumns} towards its factors, times a constant for each: {@code
   * dfactors[j] += constants[j] · Σ dy[t][j] · x[t][j]} over all rows.
   *
   * @param dy (T, N) act
   * @param x (T, N) act
   * @param constants (1, N) float32
   * @param dfactors (1, N) float32, added to
   */
  void scaleColumnsBackwardFactors(Tensor dy, Tensor x, Tensor constants, Tensor dfactors);

  // ---- the rest of the model ----

  /**
   * Row lookup: {@code out[t] = table[ids[t]]}.
   *
   * @param ids (1, T) I32
   * @param table (V, d) weight
   * @param out (T, d) float32
   */
  void embed(Tensor ids, Tensor table, Tensor out);

  /**
   * Gradient of {@link #embed} towards its table: {@code dtable[ids[t]] += dout[t]}, in the order
   * of t, so that sums of rows that were looked up more than once have the same bits each time.
   *
   * @param dout (T, d) float32
   * @param dtable (V, d) float32, added to
   */
  void embedBackward(Tensor ids, Tensor dout, Tensor dtable);

  /**
   * RMSNorm (Zhang and Sennrich 2019): {@code y = x · r · weight}, {@code r = 1 / sqrt(mean(x²) +
   * epsilon)} for each row.
   *
   * @param x (T, d) float32
   * @param weight (1, d) weight of any type
   * @param y (T, d) act or float32
   * @param inverseRms (1, T) float32: r, kept for the backward
   */
  void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms);

  /**
   * {@code dx += r · (dy · weight) - x · r³ / d · Σ(dy · weight · x)} for each row.
   *
   * @param dy (T, d) float32
   * @param dx (T, d) float32, added to: the residual stream's gradient passes by
   */
  void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx);

  /**
   * Gradient of {@link #rmsNorm} towards its weight: {@code dweight += Σ dy · x · r} over all rows.
   *
   * @param dy (T, d) float32
   * @param dweight (1, d) float32, added to
   */
  void rmsNormBackwardWeight(Tensor dy, Tensor x, Tensor inverseRms, Tensor dweight);

  /**
   * Rotary position embedding (Su et al. 2021) in place, in Hugging Face's layout: within each head
   * element i is paired with element i + hd/2, and rotated by {@code position · frequency[i]}.
   *
   * @param x (T, heads · hd) act
   * @param positions (1, T) I32
   * @param cosine (P, hd/2) float32, a row for each position
   * @param sine (P, hd/2) float32
   */
  void rope(Tensor x, Tensor positions, Tensor cosine, Tensor sine);

  /** Rotates back: the transpose of {@link #rope}, in place on the gradient. */
  void ropeBackward(Tensor dx, Tensor positions, Tensor cosine, Tensor sine);

  /**
   * Causal attention within segments: query t reads the keys {@code [max(segmentStarts[t], t -
   * window + 1), t]}, {@code out = softmax(scale · q kᵀ) v}.
   *
   * @param q (T, H·hd) act
   * @param k (T, G·hd) act
   * @param v (T, G·hd) act
   * @param segmentStarts (1, T) I32: for each token, the index of its segment's first token;
   *     non-decreasing
   * @param out (T, H·hd) act
   * @param logSumExp (H, T) float32: of the scaled scores, kept for the backward
   */
  void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp);

  /**
   * Recomputes the probabilities from {@code logSumExp} (Dao et al. 2022, algorithm 4):
   *
   * <pre>
   *   P = exp(scale · q kᵀ - lse)    dv = Pᵀ dout    dP = dout vᵀ    D = rowsum(dout · out)
   *   dS = P · (dP - D)              dq = scale · dS k               dk = scale · dSᵀ q
   * </pre>
   *
   * @param dq (T, H·hd) act, overwritten
   * @param dk (T, G·hd) act, overwritten
   * @param dv (T, G·hd) act, overwritten
   */
  void attentionBackward(
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
      Tensor dv);

  /**
   * Attention against a key-value cache: query row i stands at position {@code length - q.rows() +
   * i} and reads the keys up to itself, within the window.
   *
   * @param q (T, H·hd) act
   * @param keys (capacity, G·hd) act, of which the first {@code length} rows are valid
   * @param values (capacity, G·hd) act
   * @param out (T, H·hd) act
   */
  void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out);

  /**
   * {@link #cachedAttention} of one token of each of several sequences that share a cache: query
   * row i is the last of {@code lengths[i]} tokens whose keys begin at row {@code starts[i]}.
   *
   * @param q (n, H·hd) act
   * @param keys (capacity, G·hd) act
   * @param values (capacity, G·hd) act
   * @param starts (n) on the host
   * @param lengths (n) on the host, at least 1
   * @param out (n, H·hd) act
   */
  default void cachedAttentionOfEach(
      Tensor q,
      Tensor keys,
      Tensor values,
      int[] starts,
      int[] lengths,
      AttentionShape shape,
      Tensor out) {
    for (int i = 0; i < q.rows(); i++) {
      cachedAttention(
          q.rows(i, 1),
          keys.rows(starts[i], lengths[i]),
          values.rows(starts[i], lengths[i]),
          lengths[i],
          shape,
          out.rows(i, 1));
    }
  }

  /**
   * SwiGLU (Shazeer 2020): {@code out = silu(gate) · up}, {@code silu(z) = z / (1 + exp(-z))}.
   *
   * @param gate (T, F) act
   * @param up (T, F) act
   * @param out (T, F) act
   */
  void swiGlu(Tensor gate, Tensor up, Tensor out);

  /**
   * {@code dup = dout · silu(gate)}, {@code dgate = dout · up · σ(gate) · (1 + gate · (1 -
   * σ(gate)))}.
   *
   * @param dout (T, F) act
   * @param dgate (T, F) act; may be the same tensor as {@code dout}
   * @param dup (T, F) act
   */
  void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup);

  /**
   * Softmax cross-entropy of each row against its target, and its gradient, in one pass over the
   * logits: {@code loss[i] = logsumexp(logits[i]) - logits[i][target[i]]}, {@code dlogits[i] =
   * scale · (softmax(logits[i]) - onehot(target[i]))}.
   *
   * @param logits (n, V) float32
   * @param targets (1, n) I32
   * @param loss (1, n) float32
   * @param dlogits (n, V) act; may be the same tensor as {@code logits}
   */
  void crossEntropy(Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits);

  /** Only the losses of {@link #crossEntropy}. */
  void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss);

  // ---- moving and scaling ----

  /** {@code out[i] = x[index[i]]}; index (1, n) I32, out (n, d) of any type. */
  void gatherRows(Tensor x, Tensor index, Tensor out);

  /** {@code out[index[i]] = x[i]}; other rows stay as they are. Indices are distinct. */
  void scatterRows(Tensor x, Tensor index, Tensor out);

  /** {@code out = x}, rounded to the type of out; same shape, any strides. */
  void copy(Tensor x, Tensor out);

  /** {@code y += x}; y float32, x of any floating-point type. */
  void add(Tensor x, Tensor y);

  /** {@code x *= factor} in place, any floating-point type, any stride. */
  void scale(Tensor x, float factor);

  /** {@code x = 0}. */
  void zero(Tensor x);

  /**
   * Inverted dropout: {@code out = keep ? x / (1 - rate) : 0}, or added to out. Its own backward.
   *
   * @param x any floating-point type
   * @param out act or float32, contiguous like x
   */
  void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate);

  /**
   * Adds noise: {@code x[t] += amplitudes[t] · u}, u uniform in [-1, 1) for each element. Its
   * gradient towards x is that of the sum.
   *
   * @param x (T, d) float32
   * @param amplitudes (1, T) float32
   */
  void addNoise(Tensor x, Tensor amplitudes, UniformNoise noise);

  /** The sum of squares of a float32 tensor, summed in double. */
  double sumOfSquares(Tensor x);

  // ---- updating ----

  /**
   * Whether parameters are better updated by {@link #adamW} than on the host: where their way to
   * the host is long.
   */
  default boolean updatesParameters() {
    return false;
  }

  /**
   * One update by AdamW. Only kernels that say so {@link #updatesParameters} have it.
   *
   * @param parameters (1, n) float32
   * @param gradients (1, n) float32, left as they are
   * @param m (1, n) float32: the mean of gradients
   * @param v (1, n) float32: of their squares
   */
  default void adamW(Tensor parameters, Tensor gradients, Tensor m, Tensor v, AdamWUpdate update) {
    throw new UnsupportedOperationException("the host updates parameters");
  }

  // ---- repeating ----

  /**
   * Does work that asks for the same operations on the same tensors whenever it is given the same
   * key. A device that can record what it was asked for does it again without being asked.
   *
   * @param key with an equals of its own
   * @param work reads nothing back, and writes nothing from the host
   */
  default void repeat(Object key, Runnable work) {
    work.run();
  }

  // ---- waiting ----

  /**
   * Whether operations return before they are done, so that a clock says nothing before {@link
   * #finish} has returned.
   */
  default boolean returnsEarly() {
    return false;
  }

  /** Waits until everything that was asked for is done, so that a clock may be read. */
  default void finish() {}

  /**
   * Bytes of the device's own memory that are taken, by whomever, as its driver says; absent where
   * the device has none.
   */
  default OptionalLong deviceBytesTaken() {
    return OptionalLong.empty();
  }

  /** Bytes of the device's own memory in all; absent where it has none and uses the machine's. */
  default OptionalLong deviceBytes() {
    return OptionalLong.empty();
  }

  /** Frees everything that was allocated. */
  @Override
  void close();
}
