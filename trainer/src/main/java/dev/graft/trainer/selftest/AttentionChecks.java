package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Attention over segments, within windows, with shared keys. */
final class AttentionChecks {

  private final TwinKernels twins;

  private AttentionChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(AttentionChecks::new)
        .each("attention", cases(), AttentionChecks::attention)
        .one("attention", "large scores", AttentionChecks::attentionWithLargeScores)
        .each("attentionBackward", cases(), AttentionChecks::attentionBackward)
        .each(
            "cachedAttention",
            Size.list(1, 1, 1, 31, 7, 7, 7, 31, 5, 207, 31, 100),
            AttentionChecks::cachedAttention)
        .each(
            "cachedAttentionOfEach",
            List.of(List.of(1), List.of(7, 1, 31), List.of(207, 5, 100, 64)),
            AttentionChecks::cachedAttentionOfEach)
        .checks();
  }

  /**
   * @param segments their lengths
   */
  record Case(List<Integer> segments, AttentionShape shape, Layout layout) {

    @Override
    public String toString() {
      return "segments %s, heads %d on %d of %d, window %s, %s"
          .formatted(
              segments,
              shape.heads(),
              shape.keyValueHeads(),
              shape.headDim(),
              shape.window() == AttentionShape.FULL ? "full" : shape.window(),
              layout);
    }

    int tokens() {
      return segments.stream().mapToInt(Integer::intValue).sum();
    }

    int longest() {
      return segments.stream().mapToInt(Integer::intValue).max().orElseThrow();
    }

    /** For each token the first token of its segment. */
    int[] starts() {
      int[] starts = new int[tokens()];
      int first = 0;
      for (int length : segments) {
        Arrays.fill(starts, first, first + length, first);
        first += length;
      }
      return starts;
    }
  }

  private static List<Case> cases() {
    List<List<Integer>> batches =
        List.of(List.of(1), List.of(1, 1, 7), List.of(31, 1, 7), List.of(100, 1, 43));
    int[][] heads = {{6, 2, 10}, {8, 4, 8}, {3, 3, 64}, {2, 1, 2}};
    int[] windows = {AttentionShape.FULL, 1, 5, 64};
    List<Case> cases = new ArrayList<>();
    for (int batch = 0; batch < 4; batch++) {
      for (int h = 0; h < 4; h++) {
        // A Latin square: each batch and each kind of head meets each window and both layouts.
        int window = windows[(batch + h) % 4];
        Layout layout = Layout.values()[(batch + h / 2) % 2];
        AttentionShape shape = new AttentionShape(heads[h][0], heads[h][1], heads[h][2], window);
        cases.add(new Case(batches.get(batch), shape, layout));
        AttentionShape full =
            new AttentionShape(heads[h][0], heads[h][1], heads[h][2], AttentionShape.FULL);
        cases.add(new Case(batches.get(batch), full, Layout.SLICED));
      }
    }
    return cases;
  }

  private void attention(Case c) {
    Inputs in = inputs(c, 1);
    Twin out = twins.random(twins.act(), c.tokens(), c.shape.queryColumns(), c.layout);
    Twin lse = twins.random(ElementType.F32, c.shape.heads(), c.tokens(), c.layout);
    twins.run(kernels -> in.forward(kernels, c.shape, out, lse));
    twins.expectClose(out, twins.inAct(c.shape.headDim(), 1 / Math.sqrt(c.shape.headDim())));
    twins.expectClose(
        lse, TwinKernels.inFloat(c.shape.headDim(), 1 / Math.sqrt(c.shape.headDim())));
  }

  private void attentionBackward(Case c) {
    Inputs in = inputs(c, 1);
    int columns = c.shape.queryColumns();
    Twin forwardOut = twins.random(twins.act(), c.tokens(), columns, c.layout);
    Twin forwardLse = twins.random(ElementType.F32, c.shape.heads(), c.tokens(), c.layout);
    in.forward(twins.oracle(), c.shape, forwardOut, forwardLse);
    // What the forward stored is an input here: the same rounded numbers for both.
    Twin out = twins.of(twins.act(), c.tokens(), columns, c.layout, forwardOut.expected());
    Twin lse =
        twins.of(ElementType.F32, c.shape.heads(), c.tokens(), c.layout, forwardLse.expected());
    Twin dout = twins.random(twins.act(), c.tokens(), columns, c.layout);
    Twin dq = twins.random(twins.act(), c.tokens(), c.shape.queryColumns(), c.layout);
    Twin dk = twins.random(twins.act(), c.tokens(), c.shape.keyColumns(), c.layout);
    Twin dv = twins.random(twins.act(), c.tokens(), c.shape.keyColumns(), c.layout);
    twins.run(kernels ->
        kernels.attentionBackward(
            in.q.on(kernels),
            in.k.on(kernels),
            in.v.on(kernels),
            in.starts.on(kernels),
            c.shape,
            out.on(kernels),
            lse.on(kernels),
            dout.on(kernels),
            dq.on(kernels),
            dk.on(kernels),
            dv.on(kernels)));
    // A key gathers from all the queries of its group, and the first keys are seen by the most.
    int summands = c.shape.headDim();
    double scale = 1 / Math.sqrt(summands);
    twins.expectClose(dq, twins.inAct(summands, 2 * scale));
    twins.expectClose(dk, twins.inAct(summands, 2 * c.shape.groupSize() * scale));
    twins.expectClose(dv, twins.inAct(summands, 2 * c.shape.groupSize() * scale));
  }

  /** Scores of some hundreds overflow exp unless the largest is taken out. */
  private void attentionWithLargeScores() {
    Case c = new Case(List.of(31, 7), new AttentionShape(4, 2, 10, 9), Layout.PACKED);
    Inputs in = inputs(c, 12);
    Twin out = twins.random(twins.act(), c.tokens(), c.shape.queryColumns(), c.layout);
    Twin lse = twins.random(ElementType.F32, c.shape.heads(), c.tokens(), c.layout);
    twins.run(kernels -> in.forward(kernels, c.shape, out, lse));
    // Scores are 144 times as large, values 12 times; an error in a score is one in an exponent.
    twins.expectClose(lse, TwinKernels.inFloat(c.shape.headDim(), 144));
    twins.expectClose(out, TwinKernels.inFloat(c.shape.headDim(), 144 * 12) + twins.inAct(1, 12));
  }

  private void cachedAttention(Size size) {
    int queries = size.rows();
    int length = size.columns();
    for (int window : new int[] {AttentionShape.FULL, 1, 6, 40}) {
      for (Layout layout : Layout.values()) {
        AttentionShape shape = new AttentionShape(6, 2, 10, window);
        Twin q = twins.random(twins.act(), queries, shape.queryColumns(), layout);
        Twin keys = cache(length, shape, layout);
        Twin values = cache(length, shape, layout);
        Twin out = twins.random(twins.act(), queries, shape.queryColumns(), layout);
        twins.run(kernels ->
            kernels.cachedAttention(
                q.on(kernels),
                keys.on(kernels),
                values.on(kernels),
                length,
                shape,
                out.on(kernels)));
        twins.expectClose(out, twins.inAct(10, 1 / Math.sqrt(10)));
      }
    }
  }

  /** Sequences in one cache, with rows of no number between them. */
  private void cachedAttentionOfEach(List<Integer> sequences) {
    int[] lengths = sequences.stream().mapToInt(Integer::intValue).toArray();
    int[] starts = new int[lengths.length];
    int capacity = 3;
    for (int i = 0; i < lengths.length; i++) {
      starts[i] = capacity;
      capacity += lengths[i] + 3;
    }
    for (int window : new int[] {AttentionShape.FULL, 1, 6, 40}) {
      for (Layout layout : Layout.values()) {
        AttentionShape shape = new AttentionShape(6, 2, 10, window);
        Twin q = twins.random(twins.act(), lengths.length, shape.queryColumns(), layout);
        Twin keys = cache(capacity, starts, lengths, shape, layout);
        Twin values = cache(capacity, starts, lengths, shape, layout);
        Twin out = twins.random(twins.act(), lengths.length, shape.queryColumns(), layout);
        twins.run(k ->
            k.cachedAttentionOfEach(
                q.on(k), keys.on(k), values.on(k), starts, lengths, shape, out.on(k)));
        twins.expectClose(out, twins.inAct(10, 1 / Math.sqrt(10)));
      }
    }
  }

  private Twin cache(
      int capacity, int[] starts, int[] lengths, AttentionShape shape, Layout layout) {
    int columns = shape.keyColumns();
    float[] numbers = new float[capacity * columns];
    Arrays.fill(numbers, Float.NaN);
    for (int i = 0; i < starts.length; i++) {
      float[] valid = twins.gaussian(lengths[i] * columns, 1);
      System.arraycopy(valid, 0, numbers, starts[i] * columns, valid.length);
    }
    return twins.of(twins.act(), capacity, columns, layout, numbers);
  }

  /** Rows that are not valid yet may hold anything, even what is no number. */
  private Twin cache(int length, AttentionShape shape, Layout layout) {
    int capacity = length + 9;
    int columns = shape.keyColumns();
    float[] numbers = twins.gaussian(capacity * columns, 1);
    Arrays.fill(numbers, length * columns, numbers.length, Float.NaN);
    return twins.of(twins.act(), capacity, columns, layout, numbers);
  }

  private Inputs inputs(Case c, float deviation) {
    AttentionShape shape = c.shape;
    return new Inputs(
        twins.random(twins.act(), c.tokens(), shape.queryColumns(), c.layout, deviation),
        twins.random(twins.act(), c.tokens(), shape.keyColumns(), c.layout, deviation),
        twins.random(twins.act(), c.tokens(), shape.keyColumns(), c.layout, deviation),
        twins.integers(c.starts()));
  }

  /** What attention reads. */
  record Inputs(Twin q, Twin k, Twin v, Twin starts) {

    void forward(Kernels kernels, AttentionShape shape, Twin out, Twin lse) {
      kernels.attention(
          q.on(kernels),
          k.on(kernels),
          v.on(kernels),
          starts.on(kernels),
          shape,
          out.on(kernels),
          lse.on(kernels));
    }
  }
}
