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
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention in tiles with a running softmax (Dao et al. 2022, algorithm 1): a tile of query
 * rows meets one block of keys after the other; scores exist for one tile and block only.
 *
 * <p>The keys of a chunk of queries are laid out once as float32 blocks, transposed, and serve all
 * query heads that share them.
 */
public final class AttentionForward {

  /** Query rows of a tile: a multiple of {@link TileProduct#ROWS}. */
  static final int TILE = 48;

  /** Keys of a block: a multiple of {@link TileProduct#ROWS} and of two of the widest vectors. */
  static final int BLOCK = 96;

  /** Query rows of a chunk, the piece of work that a thread takes: a multiple of a tile. */
  public static final int CHUNK = 4 * TILE;

  private final HeadMatrix q;
  private final HeadMatrix k;
  private final HeadMatrix v;
  private final HeadMatrix out;
  private final long logSumExp;
  private final long logSumExpRowBytes;
  private final AttentionShape shape;
  private final int headDim;
  private final int paddedDim;
  private final int offset;

  // Where a thread's tiles lie in its scratch. Sums, not objects: a step makes no garbage.
  private final long queriesAt; // (TILE, hd)
  private final long scoresAt; // (TILE, BLOCK)
  private final long sumsAt; // (TILE, paddedDim)
  private final long maximaAt; // (TILE)
  private final long totalsAt; // (TILE, lanes)
  private final long keysAt; // blocks of (hd, BLOCK), and behind them the values, (keys, paddedDim)

  /**
   * @param logSumExp (H, T) float32, or null if there will be no backward
   * @param offset query row i stands where key row {@code i + offset} stands
   */
  public AttentionForward(
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      Tensor out,
      @Nullable Tensor logSumExp,
      int offset) {
    this.q = new HeadMatrix(q, shape.headDim());
    this.k = new HeadMatrix(k, shape.headDim());
    this.v = new HeadMatrix(v, shape.headDim());
    this.out = new HeadMatrix(out, shape.headDim());
    this.logSumExp = logSumExp == null ? 0 : HostBuffer.address(logSumExp);
    this.logSumExpRowBytes = logSumExp == null ? 0 : HostBuffer.rowBytes(logSumExp);
    this.shape = shape;
    this.headDim = shape.headDim();
    this.paddedDim = TileProduct.padColumns(headDim);
    this.offset = offset;
    this.queriesAt = 0;
    this.scoresAt = Tile.after(queriesAt, (long) TILE * headDim);
    this.sumsAt = Tile.after(scoresAt, (long) TILE * BLOCK);
    this.maximaAt = Tile.after(sumsAt, (long) TILE * paddedDim);
    this.totalsAt = Tile.after(maximaAt, TILE);
    this.keysAt = Tile.after(totalsAt, (long) TILE * Lanes.COUNT);
  }

  /**
   * All query heads of one key head, for the query rows {@code [from, to)}, at most {@link #CHUNK}.
   *
   * @param floor the first key that these queries may see
   */
  public void chunk(Scratch scratch, int keyHead, int floor, int from, int to) {
    int firstKey = firstKey(floor, from);
    int lastKey = to + offset;
    int paddedKeys = (lastKey - firstKey + BLOCK - 1) / BLOCK * BLOCK;
    long valuesAt = Tile.after(keysAt, (long) paddedKeys * headDim);
    long base = scratch.reserve(Tile.after(valuesAt, (long) paddedKeys * paddedDim));
    long values = base + valuesAt;
    k.readTransposed(keyHead, firstKey, lastKey, BLOCK, base + keysAt, base + queriesAt);
    v.read(keyHead, firstKey, lastKey, 1, values, paddedKeys, paddedDim);
    int group = shape.groupSize();
    for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int first = from; first < to; first += TILE) {
        int end = Math.min(to, first + TILE);
        tile(base, values, firstKey, head, floor, first, end);
        finish(base, head, first, end);
      }
    }
  }

  /** The first key that query row {@code row} may see. */
  private int firstKey(int floor, int row) {
    // In long, because a window that never ends is Integer.MAX_VALUE.
    return (int) Math.max(floor, row + offset - (long) shape.window() + 1);
  }

  /** One tile of query rows of a head against all the keys that it sees. */
  private void tile(
      long base, long allValues, int firstKey, int head, int floor, int from, int to) {
    int rows = TileProduct.padRows(to - from);
    long queries = base + queriesAt;
    long scores = base + scoresAt;
    long sums = base + sumsAt;
    q.read(head, from, to, shape.scale(), queries, rows, headDim);
    HeadMatrix.clear(sums, (long) rows * paddedDim);
    HeadMatrix.clear(base + totalsAt, (long) TILE * Lanes.COUNT);
    for (int r = 0; r < TILE; r++) {
      Memory.putFloat(base + maximaAt + 4L * r, Float.NEGATIVE_INFINITY);
    }
    long query = 4L * headDim;
    long score = 4L * BLOCK;
    long wide = 4L * paddedDim;
    int lastKey = to + offset;
    int block = (firstKey(floor, from) - firstKey) / BLOCK * BLOCK + firstKey;
    for (; block < lastKey; block += BLOCK) {
      int columns = TileProduct.padColumns(Math.min(BLOCK, lastKey - block));
      long keys = base + keysAt + (block - firstKey) * query;
      long values = allValues + (block - firstKey) * wide;
      HeadMatrix.clear(scores, (long) rows * BLOCK);
      TileProduct.multiplyAdd(
          rows, columns, headDim, queries, query, 4, keys, score, scores, score);
      for (int row = from; row < to; row++) {
        int first = firstKey(floor, row) - block;
        softmaxRow(base, row - from, first, row + offset + 1 - block, columns);
      }
      TileProduct.multiplyAdd(rows, paddedDim, columns, scores, score, 4, values, wide, sums, wide);
    }
  }

  /**
   * Turns a row of scores into {@code exp(score - max)}, and brings what was summed so far to the
   * new maximum. Columns outside {@code [from, to)} are masked.
   */
  private void softmaxRow(long base, int row, int from, int to, int columns) {
    long scores = base + scoresAt + 4L * BLOCK * row;
    Tile.fillOutside(scores, from, to, columns, Float.NEGATIVE_INFINITY);
    float before = Memory.getFloat(base + maximaAt + 4L * row);
    float max = Math.max(before, largest(scores, columns));
    if (max == Float.NEGATIVE_INFINITY) {
      HeadMatrix.clear(scores, columns);
      return;
    }
    long totals = base + totalsAt + 4L * Lanes.COUNT * row;
    if (max > before) {
      Memory.putFloat(base + maximaAt + 4L * row, max);
      float shrink = (float) Math.exp(before - (double) max);
      scale(totals, shrink, Lanes.COUNT);
      scale(base + sumsAt + 4L * paddedDim * row, shrink, paddedDim);
    }
    exponentiate(scores, max, totals, columns);
  }

  /** The largest of a row of whole vectors. */
  private static float largest(long scores, int columns) {
    FloatVector largest = fromMemorySegment(FLOATS, ALL, scores, ORDER);
    for (int i = Lanes.COUNT; i < columns; i += Lanes.COUNT) {
      largest = Lanes.max(largest, fromMemorySegment(FLOATS, ALL, scores + 4L * i, ORDER));
    }
    return largest.reduceLanes(VectorOperators.MAX);
  }

  /** A row of whole vectors, in place. */
  private static void scale(long values, float factor, int n) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      fromMemorySegment(FLOATS, ALL, values + 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(ALL, values + 4L * i, ORDER);
    }
  }

  /** Scores become {@code exp(score - max)}, and are added to the totals. */
  private static void exponentiate(long scores, float max, long totals, int columns) {
    FloatVector total = fromMemorySegment(FLOATS, ALL, totals, ORDER);
    for (int i = 0; i < columns; i += Lanes.COUNT) {
      FloatVector p =
          VectorMath.expNotPositive(
              fromMemorySegment(FLOATS, ALL, scores + 4L * i, ORDER).sub(max));
      p.intoMemorySegment(ALL, scores + 4L * i, ORDER);
      total = total.add(p);
    }
    total.intoMemorySegment(ALL, totals, ORDER);
  }

  private void finish(long base, int head, int from, int to) {
    for (int row = from; row < to; row++) {
      int r = row - from;
      float total = Lanes.sum(base + totalsAt + 4L * Lanes.COUNT * r);
      out.writeRow(head, row, 1 / total, base + sumsAt + 4L * paddedDim * r);
      if (logSumExp != 0) {
        double max = Memory.getFloat(base + maximaAt + 4L * r);
        long at = logSumExp + head * logSumExpRowBytes + 4L * row;
        Memory.putFloat(at, (float) (max + Math.log(total)));
      }
    }
  }
}
