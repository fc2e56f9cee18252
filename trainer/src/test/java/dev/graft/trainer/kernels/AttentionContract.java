package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention over segments, within windows, with shared keys. */
interface AttentionContract extends Contract {

  String CASES = "dev.graft.trainer.kernels.AttentionContract#cases";

  /**
   * @param segments their lengths
   */
  record Case(List<Integer> segments, AttentionShape shape, Layout layout) {

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

  static Stream<Case> cases() {
    List<List<Integer>> batches =
        List.of(List.of(1), List.of(1, 1, 7), List.of(31, 1, 7), List.of(100, 1, 43));
    int[][] heads = {{6, 2, 10}, {8, 4, 8}, {3, 3, 64}, {2, 1, 2}};
    int[] windows = {AttentionShape.FULL, 1, 5, 64};
    Stream.Builder<Case> cases = Stream.builder();
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
    return cases.build();
  }

  @ParameterizedTest
  @MethodSource(CASES)
  default void attention(Case c) {
    Inputs in = inputs(c, 1);
    Twin out = twins().random(twins().act(), c.tokens(), c.shape.queryColumns(), c.layout);
    Twin lse = twins().random(ElementType.F32, c.shape.heads(), c.tokens(), c.layout);
    twins().run(kernels -> in.forward(kernels, c.shape, out, lse));
    twins().assertClose(out, twins().inAct(c.shape.headDim(), 1 / Math.sqrt(c.shape.headDim())));
    twins()
        .assertClose(lse, TwinKernels.inFloat(c.shape.headDim(), 1 / Math.sqrt(c.shape.headDim())));
  }

  @ParameterizedTest
  @MethodSource(CASES)
  default void attentionBackward(Case c) {
    Inputs in = inputs(c, 1);
    int columns = c.shape.queryColumns();
    Twin forwardOut = twins().random(twins().act(), c.tokens(), columns, c.layout);
    Twin forwardLse = twins().random(ElementType.F32, c.shape.heads(), c.tokens(), c.layout);
    in.forward(twins().oracle(), c.shape, forwardOut, forwardLse);
    // What the forward stored is an input here: the same rounded numbers for both.
    Twin out = twins().of(twins().act(), c.tokens(), columns, c.layout, forwardOut.expected());
    Twin lse =
        twins().of(ElementType.F32, c.shape.heads(), c.tokens(), c.layout, forwardLse.expected());
    Twin dout = twins().random(twins().act(), c.tokens(), columns, c.layout);
    Twin dq = twins().random(twins().act(), c.tokens(), c.shape.queryColumns(), c.layout);
    Twin dk = twins().random(twins().act(), c.tokens(), c.shape.keyColumns(), c.layout);
    Twin dv = twins().random(twins().act(), c.tokens(), c.shape.keyColumns(), c.layout);
    twins()
        .run(kernels ->
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
    twins().assertClose(dq, twins().inAct(summands, 2 * scale));
    twins().assertClose(dk, twins().inAct(summands, 2 * c.shape.groupSize() * scale));
    twins().assertClose(dv, twins().inAct(summands, 2 * c.shape.groupSize() * scale));
  }

  /** Scores of some hundreds overflow exp unless the largest is taken out. */
  @Test
  default void attentionWithLargeScores() {
    Case c = new Case(List.of(31, 7), new AttentionShape(4, 2, 10, 9), Layout.PACKED);
    Inputs in = inputs(c, 12);
    Twin out = twins().random(twins().act(), c.tokens(), c.shape.queryColumns(), c.layout);
    Twin lse = twins().random(ElementType.F32, c.shape.heads(), c.tokens(), c.layout);
    twins().run(kernels -> in.forward(kernels, c.shape, out, lse));
    // Scores are 144 times as large, values 12 times; an error in a score is one in an exponent.
    twins().assertClose(lse, TwinKernels.inFloat(c.shape.headDim(), 144));
    twins()
        .assertClose(out, TwinKernels.inFloat(c.shape.headDim(), 144 * 12) + twins().inAct(1, 12));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "7, 31", "5, 207", "31, 100"})
  default void cachedAttention(int queries, int length) {
    for (int window : new int[] {AttentionShape.FULL, 1, 6, 40}) {
      for (Layout layout : Layout.values()) {
        AttentionShape shape = new AttentionShape(6, 2, 10, window);
        Twin q = twins().random(twins().act(), queries, shape.queryColumns(), layout);
        Twin keys = cache(length, shape, layout);
        Twin values = cache(length, shape, layout);
        Twin out = twins().random(twins().act(), queries, shape.queryColumns(), layout);
        twins()
            .run(kernels ->
                kernels.cachedAttention(
                    q.on(kernels),
                    keys.on(kernels),
                    values.on(kernels),
                    length,
                    shape,
                    out.on(kernels)));
        twins().assertClose(out, twins().inAct(10, 1 / Math.sqrt(10)));
      }
    }
  }

  /** Rows that are not valid yet may hold anything, even what is no number. */
  private Twin cache(int length, AttentionShape shape, Layout layout) {
    int capacity = length + 9;
    int columns = shape.keyColumns();
    float[] numbers = twins().gaussian(capacity * columns, 1);
    Arrays.fill(numbers, length * columns, numbers.length, Float.NaN);
    return twins().of(twins().act(), capacity, columns, layout, numbers);
  }

  private Inputs inputs(Case c, float deviation) {
    AttentionShape shape = c.shape;
    return new Inputs(
        twins().random(twins().act(), c.tokens(), shape.queryColumns(), c.layout, deviation),
        twins().random(twins().act(), c.tokens(), shape.keyColumns(), c.layout, deviation),
        twins().random(twins().act(), c.tokens(), shape.keyColumns(), c.layout, deviation),
        twins().integers(c.starts()));
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
