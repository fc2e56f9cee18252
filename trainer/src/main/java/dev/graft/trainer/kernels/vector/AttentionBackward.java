package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/**
 * The backward of {@link AttentionForward} (Dao et al. 2022, algorithm 4):
 *
 * <pre>
 *   P = exp(scale · q kᵀ - lse)    dv = Pᵀ dout    dP = dout vᵀ    D = rowsum(dout · out)
 *   dS = P · (dP - D)              dq = scale · dS k               dk = scale · dSᵀ q
 * </pre>
 *
 * <p>One piece of work is a segment and a key head with all its query heads: dk and dv are then
 * summed by one thread, in one order.
 */
public final class AttentionBackward {

  private static final int TILE = AttentionForward.TILE;
  private static final int BLOCK = AttentionForward.BLOCK;

  private final HeadMatrix q;
  private final HeadMatrix k;
  private final HeadMatrix v;
  private final HeadMatrix out;
  private final HeadMatrix dout;
  private final HeadMatrix dq;
  private final HeadMatrix dk;
  private final HeadMatrix dv;
  private final long logSumExp;
  private final long logSumExpRowBytes;
  private final AttentionShape shape;
  private final int headDim;
  private final int paddedDim;

  /** The operands of {@link dev.graft.trainer.kernels.Kernels#attentionBackward}. */
  public AttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp,
      Tensor dout,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    this.shape = shape;
    this.headDim = shape.headDim();
    this.paddedDim = TileProduct.padColumns(headDim);
    this.q = new HeadMatrix(q, headDim);
    this.k = new HeadMatrix(k, headDim);
    this.v = new HeadMatrix(v, headDim);
    this.out = new HeadMatrix(out, headDim);
    this.dout = new HeadMatrix(dout, headDim);
    this.dq = new HeadMatrix(dq, headDim);
    this.dk = new HeadMatrix(dk, headDim);
    this.dv = new HeadMatrix(dv, headDim);
    this.logSumExp = HostBuffer.address(logSumExp);
    this.logSumExpRowBytes = HostBuffer.rowBytes(logSumExp);
  }

  /** The addresses of a segment's panels and of the tiles in scratch. */
  private record Tiles(
      long keysTransposed, // blocks of (hd, BLOCK)
      long valuesTransposed, // blocks of (hd, BLOCK)
      long keys, // (L, paddedDim)
      long keyGradients, // (L, paddedDim)
      long valueGradients, // (L, paddedDim)
      long queries, // (TILE, paddedDim), scaled
      long outGradients, // (TILE, paddedDim)
      long queryGradients, // (TILE, paddedDim)
      long scores, // (TILE, BLOCK): P, then dS
      long scoreGradients, // (TILE, BLOCK): dP
      long deltas, // (TILE): D
      long row) {} // (paddedDim)

  /** All query heads of one key head, for the segment of rows {@code [from, to)}. */
  public void segment(Scratch scratch, int keyHead, int from, int to) {
    Tiles t = layOut(scratch, to - from);
    int padded = pad(to - from);
    k.readTransposed(keyHead, from, to, BLOCK, t.keysTransposed, t.row);
    v.readTransposed(keyHead, from, to, BLOCK, t.valuesTransposed, t.row);
    k.read(keyHead, from, to, 1, t.keys, padded, paddedDim);
    HeadMatrix.clear(t.keyGradients, (long) padded * paddedDim);
    HeadMatrix.clear(t.valueGradients, (long) padded * paddedDim);
    int group = shape.groupSize();
    for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int first = from; first < to; first += TILE) {
        tile(t, scratch.tail(), head, from, first, Math.min(to, first + TILE));
      }
    }
    dk.write(keyHead, from, to - from, 1, t.keyGradients, paddedDim);
    dv.write(keyHead, from, to - from, 1, t.valueGradients, paddedDim);
  }

  private static int pad(int keys) {
    return (keys + BLOCK - 1) / BLOCK * BLOCK;
  }

  private Tiles layOut(Scratch scratch, int keys) {
    long panel = (long) pad(keys) * headDim;
    long paddedPanel = (long) pad(keys) * paddedDim;
    long tile = (long) TILE * paddedDim;
    long scores = (long) TILE * BLOCK;
    long[] at =
        Tile.layOut(
            scratch,
            panel,
            panel,
            paddedPanel,
            paddedPanel,
            paddedPanel,
            tile,
            tile,
            tile,
            scores,
            scores,
            TILE,
            paddedDim);
    return new Tiles(
        at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8], at[9], at[10], at[11]);
  }

  private int firstKey(int floor, int row) {
    return (int) Math.max(floor, row - (long) shape.window() + 1);
  }

  /** One tile of query rows against all the keys that it sees; {@code floor} begins the segment. */
  private void tile(Tiles t, long tail, int head, int floor, int from, int to) {
    int rows = TileProduct.padRows(to - from);
    q.read(head, from, to, shape.scale(), t.queries, rows, paddedDim);
    dout.read(head, from, to, 1, t.outGradients, rows, paddedDim);
    HeadMatrix.clear(t.queryGradients, (long) rows * paddedDim);
    for (int row = from; row < to; row++) {
      out.read(head, row, row + 1, 1, t.row, 1, paddedDim);
      float delta =
          RmsNorm.dot(t.row, t.outGradients + 4L * paddedDim * (row - from), headDim, tail);
      Memory.putFloat(t.deltas + 4L * (row - from), delta);
    }
    int block = (firstKey(floor, from) - floor) / BLOCK * BLOCK + floor;
    for (; block < to; block += BLOCK) {
      int keys = Math.min(BLOCK, to - block);
      // Also a multiple of rows, for the transposed products; padded columns are masked to zero.
      int columns = TileProduct.padColumns(TileProduct.padRows(keys));
      block(t, head, floor, from, to, block, columns, TileProduct.padRows(keys));
    }
    dq.write(head, from, to - from, shape.scale(), t.queryGradients, paddedDim);
  }

  private void block(
      Tiles t, int head, int floor, int from, int to, int block, int columns, int keyRows) {
    int rows = TileProduct.padRows(to - from);
    long wide = 4L * paddedDim;
    long pitch = 4L * BLOCK;
    long first = (long) block - floor;
    long keysT = t.keysTransposed + 4 * first * headDim;
    long valuesT = t.valuesTransposed + 4 * first * headDim;
    TileProduct.multiply(
        rows, columns, headDim, t.queries, wide, 4, keysT, pitch, t.scores, pitch, false);
    TileProduct.multiply(
        rows,
        columns,
        headDim,
        t.outGradients,
        wide,
        4,
        valuesT,
        pitch,
        t.scoreGradients,
        pitch,
        false);
    for (int row = from; row < to; row++) {
      float lse = Memory.getFloat(logSumExp + head * logSumExpRowBytes + 4L * row);
      probabilities(
          t.scores + pitch * (row - from),
          lse,
          firstKey(floor, row) - block,
          row + 1 - block,
          columns);
    }
    // dv = Pᵀ dout, dk = dSᵀ (scale · q), dq = dS k
    TileProduct.multiply(
        keyRows,
        paddedDim,
        to - from,
        t.scores,
        4,
        pitch,
        t.outGradients,
        wide,
        t.valueGradients + first * wide,
        wide,
        true);
    for (int row = from; row < to; row++) {
      scoreGradients(t, row - from, columns);
    }
    TileProduct.multiply(
        keyRows,
        paddedDim,
        to - from,
        t.scores,
        4,
        pitch,
        t.queries,
        wide,
        t.keyGradients + first * wide,
        wide,
        true);
    TileProduct.multiply(
        rows,
        paddedDim,
        columns,
        t.scores,
        pitch,
        4,
        t.keys + first * wide,
        wide,
        t.queryGradients,
        wide,
        true);
  }

  /** {@code P = exp(score - lse)} within {@code [from, to)}, zero outside. */
  private static void probabilities(long scores, float lse, int from, int to, int columns) {
    Tile.fillOutside(scores, from, to, columns, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < columns; i += Lanes.COUNT) {
      FloatVector p = VectorMath.expNotPositive(Lanes.load(scores + 4L * i).sub(lse));
      Lanes.store(scores + 4L * i, p);
    }
  }

  /** {@code dS = P · (dP - D)}, over P. */
  private static void scoreGradients(Tiles t, int row, int columns) {
    float delta = Memory.getFloat(t.deltas + 4L * row);
    long scores = t.scores + 4L * BLOCK * row;
    long gradients = t.scoreGradients + 4L * BLOCK * row;
    for (int i = 0; i < columns; i += Lanes.COUNT) {
      FloatVector p = Lanes.load(scores + 4L * i);
      Lanes.store(scores + 4L * i, p.mul(Lanes.load(gradients + 4L * i).sub(delta)));
    }
  }
}
