package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

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

  /** Matrices of a whole segment that are kept in scratch. */
  private static final int PANELS = 5;

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

  // Where a thread's tiles lie in its scratch. Sums, not objects: a step makes no garbage.
  private final long queriesAt; // (TILE, paddedDim), scaled
  private final long outGradientsAt; // (TILE, paddedDim)
  private final long queryGradientsAt; // (TILE, paddedDim)
  private final long scoresAt; // (TILE, BLOCK): P, then dS
  private final long scoreGradientsAt; // (TILE, BLOCK): dP
  private final long deltasAt; // (TILE): D
  private final long rowAt; // (paddedDim)
  private final long panelsAt;

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
    long tile = (long) TILE * paddedDim;
    this.queriesAt = 0;
    this.outGradientsAt = Tile.after(queriesAt, tile);
    this.queryGradientsAt = Tile.after(outGradientsAt, tile);
    this.scoresAt = Tile.after(queryGradientsAt, tile);
    this.scoreGradientsAt = Tile.after(scoresAt, (long) TILE * BLOCK);
    this.deltasAt = Tile.after(scoreGradientsAt, (long) TILE * BLOCK);
    this.rowAt = Tile.after(deltasAt, TILE);
    this.panelsAt = Tile.after(rowAt, paddedDim);
  }

  /** All query heads of one key head, for the segment of rows {@code [from, to)}. */
  public void segment(Scratch scratch, int keyHead, int from, int to) {
    int padded = pad(to - from);
    long panel = Tile.after(0, (long) padded * paddedDim);
    long base = scratch.reserve(panelsAt + PANELS * panel);
    long row = base + rowAt;
    k.readTransposed(keyHead, from, to, BLOCK, base + keysTransposed(), row);
    v.readTransposed(keyHead, from, to, BLOCK, base + valuesTransposed(panel), row);
    k.read(keyHead, from, to, 1, base + keys(panel), padded, paddedDim);
    HeadMatrix.clear(base + keyGradients(panel), (long) padded * paddedDim);
    HeadMatrix.clear(base + valueGradients(panel), (long) padded * paddedDim);
    int group = shape.groupSize();
    for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int first = from; first < to; first += TILE) {
        tile(base, panel, scratch.tail(), head, from, first, Math.min(to, first + TILE));
      }
    }
    dk.write(keyHead, from, to - from, 1, base + keyGradients(panel), paddedDim);
    dv.write(keyHead, from, to - from, 1, base + valueGradients(panel), paddedDim);
  }

  /** Keys in blocks of (hd, BLOCK). */
  private long keysTransposed() {
    return panelsAt;
  }

  /** Values in blocks of (hd, BLOCK). */
  private long valuesTransposed(long panel) {
    return panelsAt + panel;
  }

  /** Keys, (L, paddedDim). */
  private long keys(long panel) {
    return panelsAt + 2 * panel;
  }

  /** dk, (L, paddedDim). */
  private long keyGradients(long panel) {
    return panelsAt + 3 * panel;
  }

  /** dv, (L, paddedDim). */
  private long valueGradients(long panel) {
    return panelsAt + 4 * panel;
  }

  private static int pad(int keys) {
    return (keys + BLOCK - 1) / BLOCK * BLOCK;
  }

  private int firstKey(int floor, int row) {
    return (int) Math.max(floor, row - (long) shape.window() + 1);
  }

  /** One tile of query rows against all the keys that it sees; {@code floor} begins the segment. */
  private void tile(long base, long panel, long tail, int head, int floor, int from, int to) {
    int rows = TileProduct.padRows(to - from);
    q.read(head, from, to, shape.scale(), base + queriesAt, rows, paddedDim);
    dout.read(head, from, to, 1, base + outGradientsAt, rows, paddedDim);
    HeadMatrix.clear(base + queryGradientsAt, (long) rows * paddedDim);
    for (int row = from; row < to; row++) {
      out.read(head, row, row + 1, 1, base + rowAt, 1, paddedDim);
      float delta =
          RmsNorm.dot(
              base + rowAt, base + outGradientsAt + 4L * paddedDim * (row - from), headDim, tail);
      Memory.putFloat(base + deltasAt + 4L * (row - from), delta);
    }
    int block = (firstKey(floor, from) - floor) / BLOCK * BLOCK + floor;
    for (; block < to; block += BLOCK) {
      int keys = Math.min(BLOCK, to - block);
      // Also a multiple of rows, for the transposed products; padded columns are masked to zero.
      int columns = TileProduct.padColumns(TileProduct.padRows(keys));
      block(base, panel, head, floor, from, to, block, columns);
    }
    dq.write(head, from, to - from, shape.scale(), base + queryGradientsAt, paddedDim);
  }

  private void block(
      long base, long panel, int head, int floor, int from, int to, int block, int columns) {
    int keyRows = TileProduct.padRows(Math.min(BLOCK, to - block));
    int rows = TileProduct.padRows(to - from);
    long wide = 4L * paddedDim;
    long pitch = 4L * BLOCK;
    long first = (long) block - floor;
    long keysT = base + keysTransposed() + 4 * first * headDim;
    long valuesT = base + valuesTransposed(panel) + 4 * first * headDim;
    HeadMatrix.clear(base + scoresAt, (long) rows * BLOCK);
    TileProduct.multiplyAdd(
        rows, columns, headDim, base + queriesAt, wide, 4, keysT, pitch, base + scoresAt, pitch);
    HeadMatrix.clear(base + scoreGradientsAt, (long) rows * BLOCK);
    TileProduct.multiplyAdd(
        rows,
        columns,
        headDim,
        base + outGradientsAt,
        wide,
        4,
        valuesT,
        pitch,
        base + scoreGradientsAt,
        pitch);
    for (int row = from; row < to; row++) {
      float lse = Memory.getFloat(logSumExp + head * logSumExpRowBytes + 4L * row);
      probabilities(
          base + scoresAt + pitch * (row - from),
          lse,
          firstKey(floor, row) - block,
          row + 1 - block,
          columns);
    }
    // dv = Pᵀ dout, dk = dSᵀ (scale · q), dq = dS k
    TileProduct.multiplyAdd(
        keyRows,
        paddedDim,
        to - from,
        base + scoresAt,
        4,
        pitch,
        base + outGradientsAt,
        wide,
        base + valueGradients(panel) + first * wide,
        wide);
    for (int row = from; row < to; row++) {
      scoreGradients(base, row - from, columns);
    }
    TileProduct.multiplyAdd(
        keyRows,
        paddedDim,
        to - from,
        base + scoresAt,
        4,
        pitch,
        base + queriesAt,
        wide,
        base + keyGradients(panel) + first * wide,
        wide);
    TileProduct.multiplyAdd(
        rows,
        paddedDim,
        columns,
        base + scoresAt,
        pitch,
        4,
        base + keys(panel) + first * wide,
        wide,
        base + queryGradientsAt,
        wide);
  }

  /** {@code P = exp(score - lse)} within {@code [from, to)}, zero outside. */
  private static void probabilities(long scores, float lse, int from, int to, int columns) {
    Tile.fillOutside(scores, from, to, columns, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < columns; i += Lanes.COUNT) {
      FloatVector p =
          VectorMath.expNotPositive(
              fromMemorySegment(FLOATS, ALL, scores + 4L * i, ORDER).sub(lse));
      p.intoMemorySegment(ALL, scores + 4L * i, ORDER);
    }
  }

  /** {@code dS = P · (dP - D)}, over P. */
  private void scoreGradients(long base, int row, int columns) {
    float delta = Memory.getFloat(base + deltasAt + 4L * row);
    long scores = base + scoresAt + 4L * BLOCK * row;
    long gradients = base + scoreGradientsAt + 4L * BLOCK * row;
    for (int i = 0; i < columns; i += Lanes.COUNT) {
      FloatVector p = fromMemorySegment(FLOATS, ALL, scores + 4L * i, ORDER);
      p.mul(fromMemorySegment(FLOATS, ALL, gradients + 4L * i, ORDER).sub(delta))
          .intoMemorySegment(ALL, scores + 4L * i, ORDER);
    }
  }
}
