package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.LinearProduct;
import dev.graft.trainer.kernels.ProductScratch;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Workers;
import dev.graft.trainer.kernels.vector.CrossEntropy;
import dev.graft.trainer.kernels.vector.Elementwise;
import dev.graft.trainer.kernels.vector.Magnitudes;
import dev.graft.trainer.kernels.vector.MatrixVector;
import dev.graft.trainer.kernels.vector.Noise;
import dev.graft.trainer.kernels.vector.RmsNorm;
import dev.graft.trainer.kernels.vector.Rotary;
import dev.graft.trainer.kernels.vector.SwiGlu;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Kernels for this machine's processor: products by oneDNN, weights where they lie in the mapped
 * checkpoint, everything else by loops on the Vector API over all cores.
 *
 * <p>Results do not depend on the number of threads of the loops. oneDNN's products are the same
 * bits for the same shapes, processor and number of OpenMP threads.
 */
public final class CpuKernels implements Kernels {

  private static final int SMALL_BATCH = 128;
  private static final int SMALL_UNIT = 16;
  private static final int LARGEST_UNIT = 64;

  /** Columns that a thread sums at least: four cache lines of a row. */
  private static final int COLUMN_BLOCK = 64;

  private final ElementType act;
  private final boolean nativeProducts;
  private final String libraryReason;
  private final CpuMemory memory = new CpuMemory();
  private final Workers workers;
  private final CpuProducts products;
  private final CpuAttention attention;
  private double[] partialSums = new double[16];
  private boolean closed;

  /**
   * @param act the precision of activations, F32 or BF16; see {@link CpuFeatures} for which is fast
   * @param threads how many threads compute the loops; as many as there are cores is best
   */
  public CpuKernels(ElementType act, int threads) {
    this(act, threads, CpuLibrary.AUTO);
  }

  /**
   * @param act the precision of activations, F32 or BF16
   * @param threads how many threads compute the loops
   * @param library what multiplies
   */
  public CpuKernels(ElementType act, int threads, CpuLibrary library) {
    if (act != ElementType.F32 && act != ElementType.BF16) {
      throw new IllegalArgumentException("activations in " + act);
    }
    this.act = act;
    this.workers = new Workers(threads);
    CpuLibrary.Choice choice = library.open();
    this.libraryReason = choice.reason();
    this.products = new CpuProducts(choice.products(), workers);
    this.attention = new CpuAttention(workers);
    this.nativeProducts =
        act == ElementType.F32
            || products.supports(ElementType.BF16, ElementType.BF16, ElementType.F32);
  }

  @Override
  public String describe() {
    String precision =
        act == ElementType.F32
            ? "float32"
            : nativeProducts
                ? "bfloat16 with float32 sums"
                : "bfloat16 emulated in float32 (slower than f32: no bfloat16 instructions here)";
    String why = libraryReason.isEmpty() ? "" : "; " + libraryReason;
    return "CPU, %d threads: %s and %d-bit vectors, %s%s"
        .formatted(
            workers.threads(), products.describe(), Elementwise.vectorBits(), precision, why);
  }

  @Override
  public ElementType activationType() {
    return act;
  }

  /**
   * oneDNN generates code for each row count, 1 to 3 ms a shape: at most 1/8 more rows, few counts.
   */
  @Override
  public int efficientRows(int rows) {
    if (rows <= MatrixVector.ROWS) {
      return rows;
    }
    int unit =
        rows <= SMALL_BATCH ? SMALL_UNIT : Math.min(LARGEST_UNIT, Integer.highestOneBit(rows) / 8);
    return Math.ceilDiv(rows, unit) * unit;
  }

  // ---- memory ----

  @Override
  public Tensor allocate(ElementType type, int rows, int columns) {
    return memory.allocate(type, rows, columns);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Where products read bfloat16, a matrix in float32 or float16 is rounded to a bfloat16 copy
   * here, once: oneDNN does not mix these types, and converting at each product would cost more
   * than the product. Vectors and matching matrices are used where they lie.
   */
  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    Tensor weight = memory.weight(type, rows, columns, bytes);
    boolean mixed = act == ElementType.BF16 && nativeProducts && type != ElementType.BF16;
    if (!mixed || rows == 1) {
      return weight;
    }
    Tensor rounded = memory.allocate(ElementType.BF16, rows, columns);
    copy(weight, rounded);
    return rounded;
  }

  @Override
  public Tensor parameter(INDArray master) {
    return memory.parameter(master);
  }

  /** Nothing to do: tensor and array are the same memory. */
  @Override
  public void push(Tensor parameter) {
    HostBuffer.address(parameter);
  }

  /** Nothing to do: tensor and array are the same memory. */
  @Override
  public void pull(Tensor parameter) {
    HostBuffer.address(parameter);
  }

  @Override
  public void write(Tensor target, int[] values) {
    memory.write(target, values);
  }

  @Override
  public void write(Tensor target, float[] values) {
    memory.write(target, values);
  }

  @Override
  public float[] read(Tensor source) {
    return memory.read(source);
  }

  @Override
  public long allocatedBytes() {
    return memory.allocatedBytes();
  }

  @Override
  public ProductScratch productScratch(
      LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    return products.scratch(product, a, b, c, accumulate);
  }

  // ---- products ----

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    Expect.floating("w", w);
    Expect.type("x", x, act);
    Expect.type("y", y, act, ElementType.F32);
    products.linear(x, w, y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    Expect.floating("w", w);
    Expect.type("dy", dy, act);
    Expect.type("dx", dx, act, ElementType.F32);
    products.linearBackwardInput(dy, w, dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    Expect.type("dy", dy, act);
    Expect.type("x", x, act);
    Expect.type("dw", dw, ElementType.F32);
    if (dy.rows() == 0 && !accumulate) {
      zero(dw);
      return;
    }
    products.linearBackwardWeight(dy, x, dw, accumulate);
  }

  // ---- magnitudes of rows ----

  @Override
  public void rowSquares(Tensor w, Tensor squares) {
    Expect.floating("w", w);
    Expect.vector("squares", squares, ElementType.F32, w.rows());
    workers.overRows(
        w.rows(),
        w.columns(),
        (scratch, from, to) -> Magnitudes.rowSquares(w, squares, scratch, from, to));
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
    Expect.type("b", b, act);
    Expect.vector("squares", squares, ElementType.F32, b.rows());
    Expect.vector("magnitude", magnitude, ElementType.F32, b.rows());
    Expect.vector("inverse lengths", inverseLengths, ElementType.F32, b.rows());
    Expect.vector("gains", gains, ElementType.F32, b.rows());
    Expect.type("cross", cross, ElementType.F32);
    Expect.shape("cross", cross, b.columns(), b.rows());
    Expect.type("gram", gram, ElementType.F32);
    Expect.shape("gram", gram, b.columns(), b.columns());
    workers.overRows(
        b.rows(),
        (long) b.columns() * b.columns(),
        (scratch, from, to) ->
            Magnitudes.gains(
                squares,
                cross,
                gram,
                b,
                scale,
                magnitude,
                inverseLengths,
                gains,
                scratch,
                from,
                to));
  }

  @Override
  public void scaleColumns(Tensor x, Tensor factors, Tensor y, boolean accumulate) {
    Expect.type("x", x, act);
    Expect.type("y", y, act, ElementType.F32);
    Expect.same("y", y, x);
    Expect.vector("factors", factors, ElementType.F32, x.columns());
    workers.overRows(
        x.rows(),
        2L * x.columns(),
        (scratch, from, to) ->
            Magnitudes.scaleColumns(x, factors, y, accumulate, scratch, from, to));
  }

  @Override
  public void scaleColumnsBackwardFactors(Tensor dy, Tensor x, Tensor constants, Tensor dfactors) {
    Expect.type("dy", dy, act);
    Expect.type("x", x, act);
    Expect.same("dy", dy, x);
    Expect.vector("constants", constants, ElementType.F32, x.columns());
    Expect.vector("dfactors", dfactors, ElementType.F32, x.columns());
    overColumns(x, (from, to) -> Magnitudes.addColumnDots(dy, x, constants, dfactors, from, to));
  }

  // ---- the rest of the model ----

  @Override
  public void embed(Tensor ids, Tensor table, Tensor out) {
    Expect.type("out", out, ElementType.F32);
    gatherRows(table, ids, out);
  }

  @Override
  public void embedBackward(Tensor ids, Tensor dout, Tensor dtable) {
    Expect.vector("ids", ids, ElementType.I32, dout.rows());
    Expect.type("dout", dout, ElementType.F32);
    Expect.type("dtable", dtable, ElementType.F32);
    Expect.shape("dtable", dtable, dtable.rows(), dout.columns());
    overColumns(dout, (from, to) -> Elementwise.scatterAdd(dout, ids, dtable, from, to));
  }

  /**
   * What adds up over rows is shared by columns, so that each sum is made by one thread in the
   * order of the rows.
   *
   * @param body given a range of columns
   */
  private void overColumns(Tensor x, ColumnLoop body) {
    int blocks = Math.ceilDiv(x.columns(), COLUMN_BLOCK);
    workers.overRows(
        blocks,
        (long) COLUMN_BLOCK * x.rows(),
        (_, from, to) -> body.run(from * COLUMN_BLOCK, Math.min(to * COLUMN_BLOCK, x.columns())));
  }

  /** Computes the columns {@code [from, to)}. */
  private interface ColumnLoop {
    void run(int from, int to);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) {
    Expect.type("x", x, ElementType.F32);
    Expect.floating("weight", weight);
    Expect.shape("weight", weight, 1, x.columns());
    Expect.type("y", y, act, ElementType.F32);
    Expect.same("y", y, x);
    Expect.vector("inverse rms", inverseRms, ElementType.F32, x.rows());
    workers.overRows(
        x.rows(),
        x.columns(),
        (scratch, from, to) ->
            RmsNorm.forward(x, weight, epsilon, y, inverseRms, scratch, from, to));
  }

  @Override
  public void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx) {
    Expect.type("dy", dy, ElementType.F32);
    Expect.type("x", x, ElementType.F32);
    Expect.type("dx", dx, ElementType.F32);
    Expect.same("dy", dy, x);
    Expect.same("dx", dx, x);
    Expect.floating("weight", weight);
    Expect.shape("weight", weight, 1, x.columns());
    Expect.vector("inverse rms", inverseRms, ElementType.F32, x.rows());
    workers.overRows(
        x.rows(),
        x.columns(),
        (scratch, from, to) -> RmsNorm.backward(dy, x, weight, inverseRms, dx, scratch, from, to));
  }

  @Override
  public void rmsNormBackwardWeight(Tensor dy, Tensor x, Tensor inverseRms, Tensor dweight) {
    Expect.type("dy", dy, ElementType.F32);
    Expect.type("x", x, ElementType.F32);
    Expect.same("dy", dy, x);
    Expect.vector("inverse rms", inverseRms, ElementType.F32, x.rows());
    Expect.vector("dweight", dweight, ElementType.F32, x.columns());
    overColumns(x, (from, to) -> RmsNorm.backwardWeight(dy, x, inverseRms, dweight, from, to));
  }

  @Override
  public void rope(Tensor x, Tensor positions, Tensor cosine, Tensor sine) {
    rotate(x, positions, cosine, sine, 1);
  }

  @Override
  public void ropeBackward(Tensor dx, Tensor positions, Tensor cosine, Tensor sine) {
    rotate(dx, positions, cosine, sine, -1);
  }

  private void rotate(Tensor x, Tensor positions, Tensor cosine, Tensor sine, float direction) {
    Expect.type("x", x, act);
    Expect.type("cosine", cosine, ElementType.F32);
    Expect.type("sine", sine, ElementType.F32);
    Expect.same("sine", sine, cosine);
    Expect.vector("positions", positions, ElementType.I32, x.rows());
    if (x.columns() % (2 * cosine.columns()) != 0) {
      throw new IllegalArgumentException("x is %s, angles %s".formatted(x, cosine));
    }
    workers.overRows(
        x.rows(),
        x.columns(),
        (scratch, from, to) ->
            Rotary.rotate(x, positions, cosine, sine, direction, scratch, from, to));
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
    Expect.type("q", q, act);
    Expect.type("out", out, act);
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
    Expect.type("q", q, act);
    Expect.type("dq", dq, act);
    attention.backward(q, k, v, segmentStarts, shape, out, logSumExp, dout, dq, dk, dv);
  }

  @Override
  public void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    Expect.type("q", q, act);
    Expect.type("out", out, act);
    attention.cached(q, keys, values, length, shape, out);
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
    Expect.type("q", q, act);
    Expect.type("out", out, act);
    attention.cachedOfEach(q, keys, values, starts, lengths, shape, out);
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor out) {
    Expect.type("gate", gate, act);
    Expect.type("up", up, act);
    Expect.type("out", out, act);
    Expect.same("up", up, gate);
    Expect.same("out", out, gate);
    workers.overRows(
        gate.rows(),
        4L * gate.columns(),
        (scratch, from, to) -> SwiGlu.forward(gate, up, out, scratch, from, to));
  }

  @Override
  public void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup) {
    Expect.type("gate", gate, act);
    Expect.type("up", up, act);
    Expect.type("dout", dout, act);
    Expect.type("dgate", dgate, act);
    Expect.type("dup", dup, act);
    Expect.same("up", up, gate);
    Expect.same("dout", dout, gate);
    Expect.same("dgate", dgate, gate);
    Expect.same("dup", dup, gate);
    workers.overRows(
        gate.rows(),
        4L * gate.columns(),
        (scratch, from, to) -> SwiGlu.backward(gate, up, dout, dgate, dup, scratch, from, to));
  }

  @Override
  public void crossEntropy(
      Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits) {
    Expect.type("logits", logits, ElementType.F32);
    Expect.vector("targets", targets, ElementType.I32, logits.rows());
    Expect.vector("loss", loss, ElementType.F32, logits.rows());
    Expect.type("dlogits", dlogits, act, ElementType.F32);
    Expect.same("dlogits", dlogits, logits);
    workers.overRows(
        logits.rows(),
        4L * logits.columns(),
        (scratch, from, to) ->
            CrossEntropy.forwardBackward(logits, targets, scale, loss, dlogits, scratch, from, to));
  }

  @Override
  public void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss) {
    Expect.type("logits", logits, ElementType.F32);
    Expect.vector("targets", targets, ElementType.I32, logits.rows());
    Expect.vector("loss", loss, ElementType.F32, logits.rows());
    workers.overRows(
        logits.rows(),
        4L * logits.columns(),
        (scratch, from, to) -> CrossEntropy.forward(logits, targets, loss, scratch, from, to));
  }

  // ---- moving and scaling ----

  @Override
  public void gatherRows(Tensor x, Tensor index, Tensor out) {
    Expect.vector("index", index, ElementType.I32, out.rows());
    Expect.shape("out", out, out.rows(), x.columns());
    convertible(x, out);
    workers.overRows(
        out.rows(), x.columns(), (_, from, to) -> Elementwise.gather(x, index, out, from, to));
  }

  @Override
  public void scatterRows(Tensor x, Tensor index, Tensor out) {
    Expect.vector("index", index, ElementType.I32, x.rows());
    Expect.shape("out", out, out.rows(), x.columns());
    convertible(x, out);
    workers.overRows(
        x.rows(), x.columns(), (_, from, to) -> Elementwise.scatter(x, index, out, from, to));
  }

  @Override
  public void copy(Tensor x, Tensor out) {
    Expect.same("out", out, x);
    convertible(x, out);
    workers.overRows(x.rows(), x.columns(), (_, from, to) -> Elementwise.copy(x, out, from, to));
  }

  private static void convertible(Tensor x, Tensor out) {
    if (x.type() != out.type()) {
      Expect.floating("x", x);
      Expect.floating("out", out);
    }
  }

  @Override
  public void add(Tensor x, Tensor y) {
    Expect.floating("x", x);
    Expect.type("y", y, ElementType.F32);
    Expect.same("y", y, x);
    workers.overRows(
        x.rows(), x.columns(), (scratch, from, to) -> Elementwise.add(x, y, scratch, from, to));
  }

  @Override
  public void scale(Tensor x, float factor) {
    Expect.floating("x", x);
    workers.overRows(
        x.rows(),
        x.columns(),
        (scratch, from, to) -> Elementwise.scale(x, factor, scratch, from, to));
  }

  @Override
  public void zero(Tensor x) {
    workers.overRows(x.rows(), x.columns(), (_, from, to) -> Elementwise.zero(x, from, to));
  }

  @Override
  public void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate) {
    Expect.floating("x", x);
    Expect.type("out", out, act, ElementType.F32);
    Expect.same("out", out, x);
    workers.overRows(
        x.rows(),
        8L * x.columns(),
        (scratch, from, to) -> Elementwise.dropout(x, mask, out, accumulate, scratch, from, to));
  }

  @Override
  public void addNoise(Tensor x, Tensor amplitudes, UniformNoise noise) {
    Expect.type("x", x, ElementType.F32);
    Expect.vector("amplitudes", amplitudes, ElementType.F32, x.rows());
    workers.overRows(
        x.rows(),
        8L * x.columns(),
        (scratch, from, to) -> Noise.add(x, amplitudes, noise, scratch, from, to));
  }

  @Override
  public double sumOfSquares(Tensor x) {
    Expect.type("x", x, ElementType.F32);
    // One partial sum for each run of fixed length: the same whoever computes it.
    int columns = x.isContiguous() ? Elementwise.RUN : x.columns();
    int runs = Math.toIntExact((x.size() + columns - 1) / columns);
    if (partialSums.length < runs) {
      partialSums = new double[Integer.highestOneBit(runs) << 1];
    }
    double[] sums = partialSums;
    long address = HostBuffer.address(x);
    long step = x.isContiguous() ? 4L * columns : HostBuffer.rowBytes(x);
    workers.overRows(
        runs,
        columns,
        (scratch, from, to) -> {
          for (int run = from; run < to; run++) {
            int n = (int) Math.min(columns, x.size() - (long) run * columns);
            sums[run] = Elementwise.sumOfSquares(address + run * step, n, scratch.tail());
          }
        });
    double sum = 0;
    for (int run = 0; run < runs; run++) {
      sum += sums[run];
    }
    return sum;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    workers.close();
    products.close();
    memory.close();
  }
}
