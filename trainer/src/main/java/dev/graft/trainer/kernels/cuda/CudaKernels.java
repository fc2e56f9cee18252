package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.AdamWUpdate;
import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.LinearProduct;
import dev.graft.trainer.kernels.Philox;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.kernels.cuda.binding.CublasLt;
import dev.graft.trainer.kernels.cuda.binding.CudaDriver;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Kernels for an NVIDIA card: products by cuBLASLt, everything else by kernels of our own. All run
 * on one stream, behind the caller: an operation returns when it is queued, and only what gives
 * numbers back waits.
 *
 * <p>The same calls give the same bits, on the same kind of card with the same libraries: no kernel
 * adds in an order that depends on who comes first.
 */
public final class CudaKernels implements Kernels {

  /** The system property with the folder that compiled kernels are kept in. */
  public static final String CACHE = "graft.cuda.cache";

  /**
   * Memory that one operation at a time uses: products, conversions on the way from the host,
   * attention's row sums. More than {@link CudaProducts#WORKSPACE_BYTES}, so that the row sums of
   * 64 heads fit for 131,072 tokens.
   */
  private static final int WORKSPACE_FLOATS = 10 << 20;

  private static final int SUM_BLOCKS = 512;
  private static final int ROW_UNIT = 64;
  private static final int THREADS = 256;

  private final ElementType act;
  private final CudaDevice device;
  private final DeviceMemory blocks;
  private final PinnedMemory pinned;
  private final Launcher launcher;
  private final Transfers transfers;
  private final Tensor workspace;
  private final CudaMemory memory;
  private final CudaProducts products;
  private final CudaAttention attention;
  private final Recordings recordings;
  private boolean closed;

  /**
   * Opens the first card.
   *
   * @param act the precision of activations, F32 (never TF32) or BF16
   * @throws dev.graft.trainer.kernels.cuda.binding.CudaException if there is no card or library to
   *     compute with, saying what to do
   */
  public static CudaKernels open(ElementType act) {
    CudaLibraries libraries = CudaLibraries.find(LibrarySearch.ofProcess());
    CudaDevice device = CudaDevice.open(libraries);
    try {
      return new CudaKernels(act, device, libraries, cacheFolder());
    } catch (RuntimeException | Error e) {
      device.close();
      throw e;
    }
  }

  private static Path cacheFolder() {
    String own = System.getProperty(CACHE, "");
    if (!own.isBlank()) {
      return Path.of(own);
    }
    String caches = System.getenv("XDG_CACHE_HOME");
    Path folder =
        caches == null || caches.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(caches);
    return folder.resolve("graft").resolve("cuda");
  }

  private CudaKernels(
      ElementType act, CudaDevice device, CudaLibraries libraries, Path cacheFolder) {
    if (act != ElementType.F32 && act != ElementType.BF16) {
      throw new IllegalArgumentException("activations in " + act);
    }
    this.act = act;
    this.device = device;
    int driverVersion = device.driverVersion();
    Path blas = libraries.requiredBlas(driverVersion);
    libraries.check(driverVersion);
    this.blocks = new DeviceMemory(device);
    this.pinned = new PinnedMemory(device);
    this.launcher =
        new Launcher(
            device,
            new KernelCompiler(libraries, device.capability(), driverVersion, cacheFolder),
            act == ElementType.BF16 ? List.of("ACT_BF16") : List.of());
    this.transfers = new Transfers(device, pinned);
    this.workspace = blocks.allocate(ElementType.F32, 1, WORKSPACE_FLOATS);
    this.memory = new CudaMemory(blocks, transfers, launcher, workspace);
    this.products =
        new CudaProducts(device, CublasLt.open(blas), launcher, CudaBuffer.address(workspace));
    this.recordings = new Recordings(device);
    this.attention = new CudaAttention(launcher, workspace, transfers);
  }

  @Override
  public String describe() {
    return "CUDA (experimental): %s, driver for CUDA %s, products by %s in %s"
        .formatted(
            device.describe(),
            CudaLibraries.versionText(device.driverVersion()),
            products.describe(),
            act == ElementType.F32 ? "float32" : "bfloat16 with float32 sums");
  }

  @Override
  public ElementType activationType() {
    return act;
  }

  /** Few row counts, so that what was planned and recorded for one serves many micro-batches. */
  @Override
  public int efficientRows(int rows) {
    return rows <= ROW_UNIT ? rows : Math.ceilDiv(rows, ROW_UNIT) * ROW_UNIT;
  }

  // ---- memory ----

  @Override
  public Tensor allocate(ElementType type, int rows, int columns) {
    return blocks.allocate(type, rows, columns);
  }

  /**
   * {@inheritDoc}
   *
   * <p>A matrix becomes what products read, the type of activations; a vector keeps its own.
   */
  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    return memory.weight(type, rows == 1 ? type : act, rows, columns, bytes);
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
    memory.write(target, values);
  }

  @Override
  public float[] read(Tensor source) {
    return memory.read(source);
  }

  @Override
  public long allocatedBytes() {
    return blocks.allocatedBytes();
  }

  // ---- products ----

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    Expect.type("x", x, act);
    Expect.type("y", y, act, ElementType.F32);
    products.run(LinearProduct.FORWARD, x, memory.as(act, w), y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    Expect.type("dy", dy, act);
    Expect.type("dx", dx, act, ElementType.F32);
    products.run(LinearProduct.BACKWARD_INPUT, dy, memory.as(act, w), dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    Expect.type("dy", dy, act);
    Expect.type("x", x, act);
    Expect.type("dw", dw, ElementType.F32);
    if (dy.rows() == 0) {
      if (!accumulate) {
        zero(dw);
      }
      return;
    }
    products.run(LinearProduct.BACKWARD_WEIGHT, dy, x, dw, accumulate);
  }

  // ---- magnitudes of rows ----

  @Override
  public void rowSquares(Tensor w, Tensor squares) {
    Expect.floating("w", w);
    Expect.vector("squares", squares, ElementType.F32, w.rows());
    launcher
        .kernel(KernelSource.MAGNITUDES, "row_squares_" + Types.suffix(w.type()))
        .matrix(w)
        .vector(squares)
        .number(w.rows())
        .number(w.columns())
        .overRows(w.rows());
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
    launcher
        .kernel(KernelSource.MAGNITUDES, "magnitude_gains")
        .vector(squares)
        .matrix(cross)
        .matrix(gram)
        .matrix(b)
        .number(scale)
        .vector(magnitude)
        .vector(inverseLengths)
        .vector(gains)
        .number(b.rows())
        .number(b.columns())
        .overElements((long) b.rows() * b.columns());
  }

  @Override
  public void scaleColumns(Tensor x, Tensor factors, Tensor y, boolean accumulate) {
    Expect.type("x", x, act);
    Expect.type("y", y, act, ElementType.F32);
    Expect.same("y", y, x);
    Expect.vector("factors", factors, ElementType.F32, x.columns());
    launcher
        .kernel(KernelSource.MAGNITUDES, "scale_columns_" + Types.suffix(y.type()))
        .matrix(x)
        .vector(factors)
        .matrix(y)
        .number(accumulate ? 1 : 0)
        .number(x.rows())
        .number(x.columns())
        .overElements(x.size());
  }

  @Override
  public void scaleColumnsBackwardFactors(Tensor dy, Tensor x, Tensor constants, Tensor dfactors) {
    Expect.type("dy", dy, act);
    Expect.type("x", x, act);
    Expect.same("dy", dy, x);
    Expect.vector("constants", constants, ElementType.F32, x.columns());
    Expect.vector("dfactors", dfactors, ElementType.F32, x.columns());
    launcher
        .kernel(KernelSource.MAGNITUDES, "scale_columns_backward_factors")
        .matrix(dy)
        .matrix(x)
        .vector(constants)
        .vector(dfactors)
        .number(x.rows())
        .number(x.columns())
        .overColumnSums(x.columns());
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
    launcher
        .kernel(KernelSource.MOVING, "embed_backward")
        .vector(ids)
        .matrix(dout)
        .matrix(dtable)
        .number(dout.rows())
        .number(dout.columns())
        .overRows(dout.rows());
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) {
    Expect.type("x", x, ElementType.F32);
    Expect.floating("weight", weight);
    Expect.shape("weight", weight, 1, x.columns());
    Expect.type("y", y, act, ElementType.F32);
    Expect.same("y", y, x);
    Expect.vector("inverse rms", inverseRms, ElementType.F32, x.rows());
    launcher
        .kernel(KernelSource.NORM, "rms_norm_" + Types.suffixes(weight.type(), y.type()))
        .matrix(x)
        .vector(weight)
        .number(epsilon)
        .matrix(y)
        .vector(inverseRms)
        .number(x.rows())
        .number(x.columns())
        .overRows(x.rows());
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
    launcher
        .kernel(KernelSource.NORM, "rms_norm_backward_" + Types.suffix(weight.type()))
        .matrix(dy)
        .matrix(x)
        .vector(weight)
        .vector(inverseRms)
        .matrix(dx)
        .number(x.rows())
        .number(x.columns())
        .overRows(x.rows());
  }

  @Override
  public void rmsNormBackwardWeight(Tensor dy, Tensor x, Tensor inverseRms, Tensor dweight) {
    Expect.type("dy", dy, ElementType.F32);
    Expect.type("x", x, ElementType.F32);
    Expect.same("dy", dy, x);
    Expect.vector("inverse rms", inverseRms, ElementType.F32, x.rows());
    Expect.vector("dweight", dweight, ElementType.F32, x.columns());
    launcher
        .kernel(KernelSource.NORM, "rms_norm_backward_weight")
        .matrix(dy)
        .matrix(x)
        .vector(inverseRms)
        .vector(dweight)
        .number(x.rows())
        .number(x.columns())
        .overColumnSums(x.columns());
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
    if (x.columns() % (2 * cosine.columns()) != 0 || sine.stride() != cosine.stride()) {
      throw new IllegalArgumentException("x is %s, angles %s".formatted(x, cosine));
    }
    launcher
        .kernel(KernelSource.ROTARY, "rotate")
        .matrix(x)
        .vector(positions)
        .vector(cosine)
        .matrix(sine)
        .number(x.rows())
        .number(x.columns())
        .number(cosine.columns())
        .number(direction)
        .overElements(x.size());
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
    Expect.type("k", k, act);
    Expect.type("v", v, act);
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
    for (Tensor tensor : new Tensor[] {q, k, v, out, dout, dq, dk, dv}) {
      Expect.type("an operand of attention", tensor, act);
    }
    attention.backward(q, k, v, segmentStarts, shape, out, logSumExp, dout, dq, dk, dv);
  }

  @Override
  public void cachedAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    int[] starts = new int[q.rows()];
    int[] lengths = new int[q.rows()];
    Arrays.setAll(lengths, i -> length - q.rows() + i + 1);
    cachedAttentionOfEach(q, keys, values, starts, lengths, shape, out);
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
    Expect.type("keys", keys, act);
    Expect.type("values", values, act);
    Expect.type("out", out, act);
    attention.cached(q, keys, values, starts, lengths, shape, out);
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor out) {
    Expect.type("gate", gate, act);
    Expect.type("up", up, act);
    Expect.type("out", out, act);
    Expect.same("up", up, gate);
    Expect.same("out", out, gate);
    launcher
        .kernel(KernelSource.SWIGLU, "swiglu")
        .matrix(gate)
        .matrix(up)
        .matrix(out)
        .number(gate.rows())
        .number(gate.columns())
        .overElements(gate.size());
  }

  @Override
  public void swiGluBackward(Tensor gate, Tensor up, Tensor dout, Tensor dgate, Tensor dup) {
    for (Tensor tensor : new Tensor[] {gate, up, dout, dgate, dup}) {
      Expect.type("an operand of SwiGLU", tensor, act);
      Expect.same("an operand of SwiGLU", tensor, gate);
    }
    launcher
        .kernel(KernelSource.SWIGLU, "swiglu_backward")
        .matrix(gate)
        .matrix(up)
        .matrix(dout)
        .matrix(dgate)
        .matrix(dup)
        .number(gate.rows())
        .number(gate.columns())
        .overElements(gate.size());
  }

  @Override
  public void crossEntropy(
      Tensor logits, Tensor targets, float scale, Tensor loss, Tensor dlogits) {
    Expect.type("logits", logits, ElementType.F32);
    Expect.type("dlogits", dlogits, act);
    Expect.same("dlogits", dlogits, logits);
    Expect.vector("targets", targets, ElementType.I32, logits.rows());
    Expect.vector("loss", loss, ElementType.F32, logits.rows());
    launcher
        .kernel(KernelSource.LOSS, "cross_entropy")
        .matrix(logits)
        .vector(targets)
        .number(scale)
        .vector(loss)
        .matrix(dlogits)
        .number(logits.rows())
        .number(logits.columns())
        .overLongRows(logits.rows());
  }

  @Override
  public void crossEntropyLoss(Tensor logits, Tensor targets, Tensor loss) {
    Expect.type("logits", logits, ElementType.F32);
    Expect.vector("targets", targets, ElementType.I32, logits.rows());
    Expect.vector("loss", loss, ElementType.F32, logits.rows());
    launcher
        .kernel(KernelSource.LOSS, "cross_entropy_loss")
        .matrix(logits)
        .vector(targets)
        .vector(loss)
        .number(logits.rows())
        .number(logits.columns())
        .overLongRows(logits.rows());
  }

  // ---- moving and scaling ----

  @Override
  public void gatherRows(Tensor x, Tensor index, Tensor out) {
    Expect.vector("index", index, ElementType.I32, out.rows());
    Expect.shape("out", out, out.rows(), x.columns());
    convertible(x, out);
    launcher
        .kernel(KernelSource.MOVING, "gather_" + Types.suffixes(x.type(), out.type()))
        .matrix(x)
        .vector(index)
        .matrix(out)
        .number(out.rows())
        .number(x.columns())
        .overElements(out.size());
  }

  @Override
  public void scatterRows(Tensor x, Tensor index, Tensor out) {
    Expect.vector("index", index, ElementType.I32, x.rows());
    Expect.shape("out", out, out.rows(), x.columns());
    convertible(x, out);
    launcher
        .kernel(KernelSource.MOVING, "scatter_" + Types.suffixes(x.type(), out.type()))
        .matrix(x)
        .vector(index)
        .matrix(out)
        .number(x.rows())
        .number(x.columns())
        .overElements(x.size());
  }

  @Override
  public void copy(Tensor x, Tensor out) {
    Expect.same("out", out, x);
    convertible(x, out);
    if (x.type() == out.type() && x.isContiguous() && out.isContiguous()) {
      device
          .driver()
          .copyOnDevice(
              CudaBuffer.address(out),
              CudaBuffer.address(x),
              x.size() * x.type().bytes(),
              device.stream());
    } else {
      memory.convert(x, out);
    }
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
    launcher
        .kernel(KernelSource.MOVING, "add_" + Types.suffix(x.type()))
        .matrix(x)
        .matrix(y)
        .number(x.rows())
        .number(x.columns())
        .overElements(x.size());
  }

  @Override
  public void scale(Tensor x, float factor) {
    Expect.floating("x", x);
    launcher
        .kernel(KernelSource.MOVING, "scale_" + Types.suffix(x.type()))
        .matrix(x)
        .number(x.rows())
        .number(x.columns())
        .number(factor)
        .overElements(x.size());
  }

  @Override
  public void zero(Tensor x) {
    int bytes = x.type().bytes();
    if (x.size() == 0) {
      return;
    }
    if (x.isContiguous()) {
      device.driver().clear(CudaBuffer.address(x), x.size() * bytes, device.stream());
    } else {
      device
          .driver()
          .clearRows(
              CudaBuffer.address(x),
              (long) x.stride() * bytes,
              (long) x.columns() * bytes,
              x.rows(),
              device.stream());
    }
  }

  @Override
  public void dropout(Tensor x, DropoutMask mask, Tensor out, boolean accumulate) {
    Expect.floating("x", x);
    Expect.type("out", out, act, ElementType.F32);
    Expect.same("out", out, x);
    launcher
        .kernel(KernelSource.RANDOM, "dropout_" + Types.suffixes(x.type(), out.type()))
        .matrix(x)
        .matrix(out)
        .number(x.rows())
        .number(x.columns())
        .number(accumulate ? 1 : 0)
        .number(mask.seed())
        .number(mask.step())
        .number(mask.place())
        .number((int) Philox.keepThreshold(mask.rate()))
        .number(mask.keepScale())
        .overElements(x.size());
  }

  @Override
  public void addNoise(Tensor x, Tensor amplitudes, UniformNoise noise) {
    Expect.type("x", x, ElementType.F32);
    Expect.vector("amplitudes", amplitudes, ElementType.F32, x.rows());
    launcher
        .kernel(KernelSource.RANDOM, "add_noise")
        .matrix(x)
        .vector(amplitudes)
        .number(x.rows())
        .number(x.columns())
        .number(noise.seed())
        .number(noise.step())
        .number(noise.place())
        .overElements(x.size());
  }

  @Override
  public double sumOfSquares(Tensor x) {
    Expect.type("x", x, ElementType.F32);
    long partials = CudaBuffer.address(workspace);
    long sum = partials + (long) SUM_BLOCKS * Double.BYTES;
    launcher
        .kernel(KernelSource.MOVING, "sum_of_squares")
        .matrix(x)
        .number(x.rows())
        .number(x.columns())
        .address(partials)
        .over(SUM_BLOCKS, THREADS);
    launcher
        .kernel(KernelSource.MOVING, "sum_partials")
        .address(partials)
        .number(SUM_BLOCKS)
        .address(sum)
        .over(1, THREADS);
    double[] result = new double[1];
    transfers.toHost(sum, MemorySegment.ofArray(result));
    return result[0];
  }

  // ---- repeating ----

  @Override
  public void repeat(Object key, Runnable work) {
    recordings.run(key, work);
  }

  // ---- updating ----

  @Override
  public boolean updatesParameters() {
    return true;
  }

  @Override
  public void adamW(Tensor parameters, Tensor gradients, Tensor m, Tensor v, AdamWUpdate update) {
    for (Tensor tensor : new Tensor[] {parameters, gradients, m, v}) {
      Expect.vector("an operand of AdamW", tensor, ElementType.F32, parameters.columns());
    }
    launcher
        .kernel(KernelSource.OPTIMIZER, "adamw")
        .vector(parameters)
        .vector(gradients)
        .vector(m)
        .vector(v)
        .number(parameters.size())
        .number(update.gradientFactor())
        .number(update.beta1())
        .number(update.beta2())
        .number(update.learningRate())
        .number(update.epsilon())
        .number(update.weightDecay())
        .number(update.correction1())
        .number(update.correction2())
        .number(update.factor())
        .overElements(parameters.size());
  }

  // ---- waiting ----

  @Override
  public boolean returnsEarly() {
    return true;
  }

  @Override
  public void finish() {
    device.driver().synchronize(device.stream());
  }

  @Override
  public OptionalLong deviceBytes() {
    return OptionalLong.of(device.memory().total());
  }

  @Override
  public OptionalLong deviceBytesTaken() {
    CudaDriver.MemoryInfo info = device.memory();
    return OptionalLong.of(info.total() - info.free());
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    // From the last to the first, each even where one before it failed: a card that is lost says so
    // at every call, and is only found again by a context that was released.
    try (device;
        blocks;
        pinned;
        launcher;
        products;
        recordings) {
      closed = true;
    }
  }
}
