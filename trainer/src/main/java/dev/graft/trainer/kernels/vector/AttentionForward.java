package dev.graft.trainer.kernels.vector;

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
  }

  /** The addresses of a chunk's tiles in scratch, and where its keys begin. */
  private record Tiles(
      int firstKey,
      long keys, // blocks of (hd, BLOCK)
      long values, // (keys, paddedDim)
      long queries, // (TILE, hd)
      long scores, // (TILE, BLOCK)
      long sums, // (TILE, paddedDim)
      long maxima, // (TILE)
      long totals) {} // (TILE, lanes)

  /**
   * All query heads of one key head, for the query rows {@code [from, to)}, at most {@link #CHUNK}.
   *
   * @param floor the first key that these queries may see
   */
  public void chunk(Scratch scratch, int keyHead, int floor, int from, int to) {
    int firstKey = firstKey(floor, from);
    int lastKey = to + offset;
    Tiles tiles = layOut(scratch, firstKey, lastKey - firstKey);
    k.readTransposed(keyHead, firstKey, lastKey, BLOCK, tiles.keys, tiles.queries);
    int paddedKeys = (lastKey - firstKey + BLOCK - 1) / BLOCK * BLOCK;
    v.read(keyHead, firstKey, lastKey, 1, tiles.values, paddedKeys, paddedDim);
    int group = shape.groupSize();
    for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int first = from; first < to; first += TILE) {
        tile(tiles, scratch.tail(), head, floor, first, Math.min(to, first + TILE));
      }
    }
  }

  /** The first key that query row {@code row} may see. */
  private int firstKey(int floor, int row) {
    // In long, because a window that never ends is Integer.MAX_VALUE.
    return (int) Math.max(floor, row + offset - (long) shape.window() + 1);
  }

  private Tiles layOut(Scratch scratch, int firstKey, int keys) {
    long padded = (keys + BLOCK - 1) / BLOCK * (long) BLOCK;
    long[] sizes = {
      padded * headDim,
      padded * paddedDim,
      (long) TILE * headDim,
      (long) TILE * BLOCK,
      (long) TILE * paddedDim,
      TILE,
      (long) TILE * Lanes.COUNT
    };
    long[] at = Tile.layOut(scratch, sizes);
    return new Tiles(firstKey, at[0], at[1], at[2], at[3], at[4], at[5], at[6]);
  }

  private void tile(Tiles t, long tail, int head, int floor, int from, int to) {
    int rows = TileProduct.padRows(to - from);
    q.read(head, from, to, shape.scale(), t.queries, rows, headDim);
    HeadMatrix.clear(t.sums, (long) rows * paddedDim);
    HeadMatrix.clear(t.totals, (long) TILE * Lanes.COUNT);
    for (int r = 0; r < TILE; r++) {
      Memory.putFloat(t.maxima + 4L * r, Float.NEGATIVE_INFINITY);
    }
    int lastKey = to + offset;
    int block = (firstKey(floor, from) - t.firstKey) / BLOCK * BLOCK + t.firstKey;
    for (; block < lastKey; block += BLOCK) {
      int columns = TileProduct.padColumns(Math.min(BLOCK, lastKey - block));
      long keys = t.keys + 4L * (block - t.firstKey) * headDim;
      TileProduct.multiply(
          rows,
          columns,
          headDim,
          t.queries,
          4L * headDim,
          4,
          keys,
          4L * BLOCK,
          t.scores,
          4L * BLOCK,
          false);
      for (int row = from; row < to; row++) {
        softmaxRow(t, row - from, firstKey(floor, row) - block, row + offset + 1 - block, columns);
      }
      long values = t.values + 4L * (block - t.firstKey) * paddedDim;
      TileProduct.multiply(
          rows,
          paddedDim,
          columns,
          t.scores,
          4L * BLOCK,
          4,
          values,
          4L * paddedDim,
          t.sums,
          4L * paddedDim,
          true);
    }
    finish(t, tail, head, from, to);
  }

  /**
   * Turns a row of scores into {@code exp(score - max)}, and brings what was summed so far to the
   * new maximum. Columns outside {@code [from, to)} are masked.
   */
  private void softmaxRow(Tiles t, int row, int from, int to, int columns) {
    long scores = t.scores + 4L * BLOCK * row;
    Tile.fillOutside(scores, from, to, columns, Float.NEGATIVE_INFINITY);
    FloatVector largest = Lanes.load(scores);
    for (int i = Lanes.COUNT; i < columns; i += Lanes.COUNT) {
      largest = Lanes.max(largest, Lanes.load(scores + 4L * i));
    }
    float before = Memory.getFloat(t.maxima + 4L * row);
    float max = Math.max(before, largest.reduceLanes(VectorOperators.MAX));
    if (max == Float.NEGATIVE_INFINITY) {
      HeadMatrix.clear(scores, columns);
      return;
    }
    long totals = t.totals + 4L * Lanes.COUNT * row;
    FloatVector total = Lanes.load(totals);
    if (max > before) {
      Memory.putFloat(t.maxima + 4L * row, max);
      FloatVector shrink =
          VectorMath.expNotPositive(FloatVector.broadcast(Lanes.FLOATS, before - max));
      total = total.mul(shrink);
      long sums = t.sums + 4L * paddedDim * row;
      for (int i = 0; i < paddedDim; i += Lanes.COUNT) {
        Lanes.store(sums + 4L * i, Lanes.load(sums + 4L * i).mul(shrink));
      }
    }
    for (int i = 0; i < columns; i += Lanes.COUNT) {
      FloatVector p = VectorMath.expNotPositive(Lanes.load(scores + 4L * i).sub(max));
      Lanes.store(scores + 4L * i, p);
      total = total.add(p);
    }
    Lanes.store(totals, total);
  }

  private void finish(Tiles t, long tail, int head, int from, int to) {
    for (int row = from; row < to; row++) {
      int r = row - from;
      float total = Lanes.sum(Lanes.load(t.totals + 4L * Lanes.COUNT * r), tail);
      out.writeRow(head, row, 1 / total, t.sums + 4L * paddedDim * r);
      if (logSumExp != 0) {
        double max = Memory.getFloat(t.maxima + 4L * r);
        long at = logSumExp + head * logSumExpRowBytes + 4L * row;
        Memory.putFloat(at, (float) (max + Math.log(total)));
      }
    }
  }
}
