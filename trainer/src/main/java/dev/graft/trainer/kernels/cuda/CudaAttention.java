package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Attention: on tensor cores for bfloat16 and the head dimensions that models have, else by plain
 * kernels that take any.
 */
final class CudaAttention {

  /** What the kernels on tensor cores are launched with, by head dimension: see attention.cu. */
  private static final Map<Integer, Tiles> TILES =
      Map.of(
          32, new Tiles(new Tile(128, 16896), new Tile(128, 25600), new Tile(128, 34304)),
          64, new Tiles(new Tile(128, 33280), new Tile(128, 50176), new Tile(128, 67072)),
          96, new Tiles(new Tile(128, 49664), new Tile(64, 49920), new Tile(128, 75264)),
          128, new Tiles(new Tile(128, 66048), new Tile(64, 66304), new Tile(128, 99840)));

  private record Tiles(Tile forward, Tile backwardKeys, Tile backwardQueries) {}

  /**
   * @param rows of a block, queries or keys
   * @param sharedBytes dynamic shared memory of a block
   */
  private record Tile(int rows, int sharedBytes) {}

  /** Elements that the kernels on tensor cores copy at once, 16 bytes. */
  private static final int VECTOR = 8;

  private static final int TILE_THREADS = 128;
  private static final int DELTA_TOKENS = 32;
  private static final int WARP = 32;

  /** Warps of a block of the plain kernels, each with a row of its own. */
  private static final int WARPS = 4;

  /** Warps that share the keys of one query in a cache. */
  private static final int CACHE_WARPS = 16;

  private final Launcher launcher;
  private final Tensor workspace;
  private final Transfers transfers;

  /**
   * @param workspace float32, for numbers that an operation needs only itself
   */
  CudaAttention(Launcher launcher, Tensor workspace, Transfers transfers) {
    this.launcher = launcher;
    this.workspace = workspace;
    this.transfers = transfers;
  }

  void forward(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp) {
    check(q, k, v, segmentStarts, shape, logSumExp);
    Expect.same("out", out, q);
    boolean fast = isFast(shape, q, k, v, out);
    begin(fast, "attention_forward", shape)
        .matrix(q)
        .matrix(k)
        .matrix(v)
        .vector(segmentStarts)
        .matrix(out)
        .matrix(logSumExp);
    shape(q, shape);
    launch(fast ? tiles(shape).forward : null, q.rows(), shape.groupSize(), shape, 2);
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
    check(q, k, v, segmentStarts, shape, logSumExp);
    Expect.same("out", out, q);
    Expect.same("dout", dout, q);
    Expect.same("dq", dq, q);
    Expect.same("dk", dk, k);
    Expect.same("dv", dv, v);
    boolean fast = isFast(shape, q, k, v, out, dout, dq, dk, dv);
    Tensor delta = rowSums(out, dout, shape, fast);
    begin(fast, "attention_backward_keys", shape);
    operands(q, k, v, segmentStarts, dout, logSumExp, delta).matrix(dk).matrix(dv);
    shape(q, shape);
    launch(fast ? tiles(shape).backwardKeys : null, q.rows(), 1, shape, 4);
    begin(fast, "attention_backward_queries", shape);
    operands(q, k, v, segmentStarts, dout, logSumExp, delta).matrix(dq);
    shape(q, shape);
    launch(fast ? tiles(shape).backwardQueries : null, q.rows(), shape.groupSize(), shape, 3);
  }

  /** D = rowsum(dout · out), (H, T). */
  private Tensor rowSums(Tensor out, Tensor dout, AttentionShape shape, boolean fast) {
    int tokens = out.rows();
    Tensor sums = new Tensor(workspace.buffer(), 0, ElementType.F32, shape.heads(), tokens, tokens);
    begin(fast, "attention_delta", shape)
        .matrix(out)
        .matrix(dout)
        .matrix(sums)
        .number(tokens)
        .number(shape.heads());
    if (fast) {
      launcher.over(Math.ceilDiv(tokens, DELTA_TOKENS), shape.heads(), 1, TILE_THREADS, 0);
    } else {
      launch(null, tokens, shape.groupSize(), shape, 0);
    }
    return sums;
  }

  private static Tiles tiles(AttentionShape shape) {
    return Objects.requireNonNull(TILES.get(shape.headDim()));
  }

  private Launcher operands(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      Tensor dout,
      Tensor logSumExp,
      Tensor delta) {
    return launcher
        .matrix(q)
        .matrix(k)
        .matrix(v)
        .vector(segmentStarts)
        .matrix(dout)
        .matrix(logSumExp)
        .matrix(delta);
  }

  private Launcher begin(boolean fast, String name, AttentionShape shape) {
    return fast
        ? launcher.kernel(KernelSource.ATTENTION, name, "HEAD_DIM=" + shape.headDim())
        : launcher.kernel(KernelSource.ATTENTION_GENERIC, name + "_generic");
  }

  private void shape(Tensor q, AttentionShape shape) {
    launcher
        .number(q.rows())
        .number(shape.heads())
        .number(shape.keyValueHeads())
        .number(shape.window())
        .number(shape.scale());
  }

  /**
   * @param tile of the kernel on tensor cores; null for the plain one
   * @param perKeyHead heads of each key head that have blocks of their own: all of its queries', or
   *     one
   * @param vectors float32 vectors of a head that a warp of the plain one has in shared memory
   */
  private void launch(
      @Nullable Tile tile, int rows, int perKeyHead, AttentionShape shape, int vectors) {
    if (tile == null) {
      launcher
          .number(shape.headDim()) // which the others were compiled for
          .over(
              Math.ceilDiv(rows, WARPS),
              shape.keyValueHeads() * perKeyHead,
              1,
              WARPS * WARP,
              WARPS * vectors * shape.headDim() * Float.BYTES);
    } else if (perKeyHead == 1 && tile == tiles(shape).backwardKeys) {
      launcher.over(
          shape.keyValueHeads(), Math.ceilDiv(rows, tile.rows), 1, TILE_THREADS, tile.sharedBytes);
    } else {
      launcher.over(
          perKeyHead,
          shape.keyValueHeads(),
          Math.ceilDiv(rows, tile.rows),
          TILE_THREADS,
          tile.sharedBytes);
    }
  }

  private static boolean isFast(AttentionShape shape, Tensor... tensors) {
    if (!TILES.containsKey(shape.headDim())) {
      return false;
    }
    for (Tensor tensor : tensors) {
      if (tensor.type() != ElementType.BF16
          || tensor.stride() % VECTOR != 0
          || CudaBuffer.address(tensor) % (VECTOR * tensor.type().bytes()) != 0) {
        return false;
      }
    }
    return true;
  }

  private static void check(
      Tensor q, Tensor k, Tensor v, Tensor segmentStarts, AttentionShape shape, Tensor logSumExp) {
    Expect.shape("q", q, q.rows(), shape.queryColumns());
    Expect.shape("k", k, q.rows(), shape.keyColumns());
    Expect.shape("v", v, q.rows(), shape.keyColumns());
    Expect.vector("segment starts", segmentStarts, ElementType.I32, q.rows());
    Expect.type("log-sum-exp", logSumExp, ElementType.F32);
    Expect.shape("log-sum-exp", logSumExp, shape.heads(), q.rows());
  }

  /** The rows of q against rows of a cache: of each, where they begin and how many they are. */
  void cached(
      Tensor q,
      Tensor keys,
      Tensor values,
      int[] starts,
      int[] lengths,
      AttentionShape shape,
      Tensor out) {
    int rows = q.rows();
    Expect.shape("q", q, rows, shape.queryColumns());
    Expect.same("out", out, q);
    Expect.shape("keys", keys, keys.rows(), shape.keyColumns());
    Expect.same("values", values, keys);
    for (int i = 0; i < rows; i++) {
      Objects.checkFromIndexSize(starts[i], lengths[i], keys.rows());
    }
    if (rows == 0) {
      return;
    }
    Tensor places = new Tensor(workspace.buffer(), 0, ElementType.I32, 2, rows, rows);
    transfers.toDevice(MemorySegment.ofArray(starts), CudaBuffer.address(places.rows(0, 1)));
    transfers.toDevice(MemorySegment.ofArray(lengths), CudaBuffer.address(places.rows(1, 1)));
    int floats = CACHE_WARPS * 2 * (shape.headDim() + 1);
    launcher
        .kernel(KernelSource.ATTENTION_GENERIC, "cached_attention")
        .matrix(q)
        .matrix(keys)
        .matrix(values)
        .vector(places.rows(0, 1))
        .vector(places.rows(1, 1))
        .matrix(out)
        .number(rows)
        .number(shape.heads())
        .number(shape.keyValueHeads())
        .number(shape.headDim())
        .number(shape.window())
        .number(shape.scale())
        .over(rows, shape.heads(), 1, CACHE_WARPS * WARP, floats * Float.BYTES);
  }
}
