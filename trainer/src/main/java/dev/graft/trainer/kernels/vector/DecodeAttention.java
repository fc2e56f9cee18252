package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/**
 * Attention of a few new tokens against a key-value cache. Reading the cache is all the work there
 * is, so keys and values are read where they lie, once for all query heads that share them.
 */
public final class DecodeAttention {

  /** Query rows up to which this is the better way than tiles. */
  public static final int ROWS = 4;

  private final HeadMatrix q;
  private final HeadMatrix keys;
  private final HeadMatrix values;
  private final HeadMatrix out;
  private final AttentionShape shape;
  private final int rows;
  private final int length;

  /** The operands of {@link dev.graft.trainer.kernels.Kernels#cachedAttention}. */
  public DecodeAttention(
      Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    this.q = new HeadMatrix(q, shape.headDim());
    this.keys = new HeadMatrix(keys, shape.headDim());
    this.values = new HeadMatrix(values, shape.headDim());
    this.out = new HeadMatrix(out, shape.headDim());
    this.shape = shape;
    this.rows = q.rows();
    this.length = length;
  }

  /** All query heads of one key head. */
  public void head(Scratch scratch, int keyHead) {
    int group = shape.groupSize();
    int dim = shape.headDim();
    int lines = group * rows;
    long[] at =
        Tile.layOut(scratch, (long) lines * dim, (long) lines * dim, (long) lines * length, dim);
    for (int line = 0; line < lines; line++) {
      int row = line / group;
      int head = keyHead * group + line % group;
      q.read(head, row, row + 1, shape.scale(), at[0] + 4L * line * dim, 1, dim);
    }
    int first = firstKey(0);
    scores(keyHead, lines, first, at[0], at[2], at[3], scratch.tail());
    HeadMatrix.clear(at[1], (long) lines * dim);
    for (int line = 0; line < lines; line++) {
      int row = line / group;
      softmax(at[2] + 4L * line * length, firstKey(row), length - rows + row + 1, first, scratch);
    }
    sumValues(keyHead, lines, first, at[2], at[1], at[3]);
    for (int line = 0; line < lines; line++) {
      int head = keyHead * group + line % group;
      out.writeRow(head, line / group, 1, at[1] + 4L * line * dim);
    }
  }

  private int firstKey(int row) {
    return (int) Math.max(0, length - rows + row - (long) shape.window() + 1);
  }

  private void scores(
      int keyHead, int lines, int first, long queries, long scores, long wide, long tail) {
    int dim = shape.headDim();
    for (int key = first; key < length; key++) {
      long at = keys.wide(keyHead, key, wide);
      for (int line = 0; line < lines; line++) {
        float score = RmsNorm.dot(at, queries + 4L * line * dim, dim, tail);
        Memory.putFloat(scores + 4L * ((long) line * length + key), score);
      }
    }
  }

  /** Softmax over the keys {@code [from, to)} of a line; those outside get no weight. */
  private void softmax(long line, int from, int to, int first, Scratch scratch) {
    long tail = scratch.tail();
    long begin = line + 4L * from;
    int n = to - from;
    float max = CrossEntropy.max(begin, n, tail);
    double sum = CrossEntropy.sumOfExp(begin, n, max, tail);
    CrossEntropy.softmax(begin, n, max, (float) (1 / sum), begin, tail);
    HeadMatrix.clear(line + 4L * first, from - first);
    HeadMatrix.clear(line + 4L * to, length - to);
  }

  private void sumValues(int keyHead, int lines, int first, long weights, long sums, long wide) {
    int dim = shape.headDim();
    for (int key = first; key < length; key++) {
      long value = values.wide(keyHead, key, wide);
      for (int line = 0; line < lines; line++) {
        float weight = Memory.getFloat(weights + 4L * ((long) line * length + key));
        addScaled(value, weight, sums + 4L * line * dim, dim);
      }
    }
  }

  private static void addScaled(long value, float weight, long sum, int n) {
    FloatVector w = FloatVector.broadcast(Lanes.FLOATS, weight);
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      fromMemorySegment(FLOATS, ALL, value + 4L * i, ORDER)
          .fma(w, fromMemorySegment(FLOATS, ALL, sum + 4L * i, ORDER))
          .intoMemorySegment(ALL, sum + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      float v = Memory.getFloat(value + 4L * i);
      Memory.putFloat(sum + 4L * i, Math.fma(v, weight, Memory.getFloat(sum + 4L * i)));
    }
  }
}
