package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.Workers;
import dev.graft.trainer.kernels.vector.AttentionBackward;
import dev.graft.trainer.kernels.vector.AttentionForward;
import dev.graft.trainer.kernels.vector.DecodeAttention;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.Arrays;

/**
 * Cuts attention into pieces that threads can take: in the forward a chunk of query rows of one
 * segment with one key head and all its query heads, in the backward a whole segment with one key
 * head. The pieces, and so the results, are the same for any number of threads.
 */
final class CpuAttention {

  private final Workers workers;
  // Pieces as (first row of the segment, first row, end), reused from call to call.
  private int[] floors = new int[64];
  private int[] firsts = new int[64];
  private int[] ends = new int[64];
  private int pieces;

  CpuAttention(Workers workers) {
    this.workers = workers;
  }

  void forward(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor segmentStarts,
      AttentionShape shape,
      Tensor out,
      Tensor logSumExp) {
    operands(q, k, v, shape);
    Expect.same("out", out, q);
    Expect.type("log-sum-exp", logSumExp, ElementType.F32);
    Expect.shape("log-sum-exp", logSumExp, shape.heads(), q.rows());
    cut(segmentStarts, q.rows(), AttentionForward.CHUNK);
    var attention = new AttentionForward(q, k, v, shape, out, logSumExp, 0);
    runForward(attention, shape.keyValueHeads());
  }

  private void runForward(AttentionForward attention, int keyHeads) {
    int count = pieces;
    workers.overItems(
        count * keyHeads,
        (scratch, item, _) -> {
          // From the back: later chunks see more keys, and long pieces should not come last.
          int piece = count - 1 - item / keyHeads;
          attention.chunk(scratch, item % keyHeads, floors[piece], firsts[piece], ends[piece]);
        });
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
    operands(q, k, v, shape);
    Expect.same("out", out, q);
    Expect.same("dout", dout, q);
    Expect.same("dq", dq, q);
    Expect.same("dk", dk, k);
    Expect.same("dv", dv, v);
    Expect.type("dk", dk, dq.type());
    Expect.type("dv", dv, dq.type());
    Expect.type("log-sum-exp", logSumExp, ElementType.F32);
    Expect.shape("log-sum-exp", logSumExp, shape.heads(), q.rows());
    cut(segmentStarts, q.rows(), Integer.MAX_VALUE);
    var attention = new AttentionBackward(q, k, v, shape, out, logSumExp, dout, dq, dk, dv);
    int keyHeads = shape.keyValueHeads();
    workers.overItems(
        pieces * keyHeads,
        (scratch, item, _) -> {
          int piece = item / keyHeads;
          attention.segment(scratch, item % keyHeads, firsts[piece], ends[piece]);
        });
  }

  void cached(Tensor q, Tensor keys, Tensor values, int length, AttentionShape shape, Tensor out) {
    Expect.shape("q", q, q.rows(), shape.queryColumns());
    Expect.shape("keys", keys, keys.rows(), shape.keyColumns());
    Expect.same("values", values, keys);
    Expect.type("keys", keys, q.type());
    Expect.type("values", values, q.type());
    Expect.same("out", out, q);
    if (length < q.rows() || length > keys.rows()) {
      throw new IllegalArgumentException(
          "%d new tokens end at %d of a cache of %d".formatted(q.rows(), length, keys.rows()));
    }
    if (q.rows() == 0) {
      return;
    }
    if (q.rows() <= DecodeAttention.ROWS) {
      var attention = new DecodeAttention(q, keys, values, length, shape, out);
      workers.overRows(
          shape.keyValueHeads(),
          (long) length * shape.headDim() * shape.groupSize(),
          (scratch, from, to) -> {
            for (int head = from; head < to; head++) {
              attention.head(scratch, head);
            }
          });
      return;
    }
    pieces = 0;
    addPieces(0, 0, q.rows(), AttentionForward.CHUNK);
    int offset = length - q.rows();
    var attention = new AttentionForward(q, keys, values, shape, out, null, offset);
    runForward(attention, shape.keyValueHeads());
  }

  /**
   * Sequences and their key heads are pieces of their own, so that many short ones fill all cores.
   */
  void cachedOfEach(
      Tensor q,
      Tensor keys,
      Tensor values,
      int[] starts,
      int[] lengths,
      AttentionShape shape,
      Tensor out) {
    Expect.shape("q", q, q.rows(), shape.queryColumns());
    Expect.shape("keys", keys, keys.rows(), shape.keyColumns());
    Expect.same("values", values, keys);
    Expect.type("keys", keys, q.type());
    Expect.type("values", values, q.type());
    Expect.same("out", out, q);
    var attentions = new DecodeAttention[q.rows()];
    long read = 0;
    for (int i = 0; i < attentions.length; i++) {
      attentions[i] =
          new DecodeAttention(
              q.rows(i, 1),
              keys.rows(starts[i], lengths[i]),
              values.rows(starts[i], lengths[i]),
              lengths[i],
              shape,
              out.rows(i, 1));
      read += lengths[i];
    }
    int keyHeads = shape.keyValueHeads();
    long each = read / Math.max(1, attentions.length) * shape.headDim() * shape.groupSize();
    workers.overRows(
        attentions.length * keyHeads,
        each,
        (scratch, from, to) -> {
          for (int item = from; item < to; item++) {
            attentions[item / keyHeads].head(scratch, item % keyHeads);
          }
        });
  }

  private static void operands(Tensor q, Tensor k, Tensor v, AttentionShape shape) {
    Expect.shape("q", q, q.rows(), shape.queryColumns());
    Expect.shape("k", k, q.rows(), shape.keyColumns());
    Expect.same("v", v, k);
    Expect.type("k", k, q.type());
    Expect.type("v", v, q.type());
  }

  /** Finds the segments and cuts them into pieces of at most {@code length} rows. */
  private void cut(Tensor segmentStarts, int rows, int length) {
    Expect.vector("segment starts", segmentStarts, ElementType.I32, rows);
    long starts = HostBuffer.address(segmentStarts);
    pieces = 0;
    int start = 0;
    for (int row = 0; row < rows; row++) {
      int own = Memory.getInt(starts + 4L * row);
      boolean fits = own == row || (own == start && row > 0);
      if (!fits) {
        throw new IllegalArgumentException(
            "token %d says that its segment starts at %d".formatted(row, own));
      }
      if (own != start) {
        addPieces(start, start, row, length);
        start = own;
      }
    }
    addPieces(start, start, rows, length);
  }

  private void addPieces(int floor, int from, int to, int length) {
    for (int first = from; first < to; first += Math.min(length, to - first)) {
      if (pieces == floors.length) {
        floors = Arrays.copyOf(floors, 2 * pieces);
        firsts = Arrays.copyOf(firsts, 2 * pieces);
        ends = Arrays.copyOf(ends, 2 * pieces);
      }
      floors[pieces] = floor;
      firsts[pieces] = first;
      ends[pieces] = first + Math.min(length, to - first);
      pieces++;
    }
  }
}
