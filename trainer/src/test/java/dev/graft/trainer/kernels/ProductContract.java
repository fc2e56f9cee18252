package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The three products, with every kind of weight, into activations and into float32. */
interface ProductContract extends Contract {

  String CASES = "dev.graft.trainer.kernels.ProductContract#cases";

  /** Frozen weights as a checkpoint stores them, and a trainable matrix rounded to act. */
  enum Weight {
    F32,
    BF16,
    F16,
    ACT
  }

  /** What a product writes to. */
  enum Out {
    ACT,
    F32
  }

  record Case(int m, int n, int k, Weight weight, Out out, boolean accumulate, Layout layout) {}

  static Stream<Case> cases() {
    int[][] sizes = {{1, 7, 31}, {7, 31, 207}, {31, 207, 7}, {31, 1, 1}, {207, 64, 80}};
    Stream.Builder<Case> cases = Stream.builder();
    for (int[] s : sizes) {
      for (Weight weight : Weight.values()) {
        for (Out out : Out.values()) {
          cases.add(new Case(s[0], s[1], s[2], weight, out, false, Layout.PACKED));
          cases.add(new Case(s[0], s[1], s[2], weight, out, true, Layout.SLICED));
        }
      }
      cases.add(new Case(s[0], s[1], s[2], Weight.ACT, Out.F32, true, Layout.PACKED));
      cases.add(new Case(s[0], s[1], s[2], Weight.ACT, Out.F32, false, Layout.SLICED));
    }
    return cases.build();
  }

  /** Those that differ in more than the weight. */
  static Stream<Case> casesWithoutWeight() {
    return cases().filter(c -> c.weight == Weight.ACT && c.out == Out.F32);
  }

  @ParameterizedTest
  @MethodSource(CASES)
  default void linear(Case c) {
    Twin x = twins().random(twins().act(), c.m, c.k, c.layout);
    Twin w = weight(c);
    Twin y = twins().random(outType(c), c.m, c.n, c.layout);
    twins()
        .run(kernels -> kernels.linear(x.on(kernels), w.on(kernels), y.on(kernels), c.accumulate));
    twins().assertClose(y, error(c, c.k));
  }

  @ParameterizedTest
  @MethodSource(CASES)
  default void linearBackwardInput(Case c) {
    Twin dy = twins().random(twins().act(), c.m, c.n, c.layout);
    Twin w = weight(c);
    Twin dx = twins().random(outType(c), c.m, c.k, c.layout);
    twins()
        .run(kernels ->
            kernels.linearBackwardInput(
                dy.on(kernels), w.on(kernels), dx.on(kernels), c.accumulate));
    twins().assertClose(dx, error(c, c.n));
  }

  @ParameterizedTest
  @MethodSource(CASES + "WithoutWeight")
  default void linearBackwardWeight(Case c) {
    Twin dy = twins().random(twins().act(), c.m, c.n, c.layout);
    Twin x = twins().random(twins().act(), c.m, c.k, c.layout);
    Twin dw = twins().random(ElementType.F32, c.n, c.k, c.layout);
    twins()
        .run(kernels ->
            kernels.linearBackwardWeight(
                dy.on(kernels), x.on(kernels), dw.on(kernels), c.accumulate));
    twins().assertClose(dw, TwinKernels.inFloat(c.m, 1));
  }

  /** As LoRA does it: several projections' gradients into rows of one stacked parameter. */
  @Test
  default void aParametersGradientReachesItsArray() {
    Kernels kernels = twins().tested();
    INDArray master = HostArrays.zeros(DataType.FLOAT, 5, 7);
    Tensor gradient = kernels.parameter(master);
    Twin dy = twins().random(twins().act(), 31, 5, Layout.PACKED);
    Twin x = twins().random(twins().act(), 31, 7, Layout.PACKED);
    Twin expected = twins().random(ElementType.F32, 5, 7, Layout.PACKED);
    Tensor dyTested = dy.on(kernels);
    kernels.linearBackwardWeight(dyTested.columns(0, 2), x.on(kernels), gradient.rows(0, 2), false);
    kernels.linearBackwardWeight(dyTested.columns(2, 3), x.on(kernels), gradient.rows(2, 3), true);
    kernels.pull(gradient);
    twins().run(k -> k.linearBackwardWeight(dy.on(k), x.on(k), expected.on(k), false));
    float[] wanted = expected.actual();
    for (int i = 0; i < wanted.length; i++) {
      assertThat((double) master.getFloat(i / 7, i % 7) - wanted[i])
          .isBetween(-TwinKernels.inFloat(31, 1), TwinKernels.inFloat(31, 1));
    }
  }

  private Twin weight(Case c) {
    return switch (c.weight) {
      case F32 -> twins().weight(ElementType.F32, c.n, c.k);
      case BF16 -> twins().weight(ElementType.BF16, c.n, c.k);
      case F16 -> twins().weight(ElementType.F16, c.n, c.k);
      case ACT -> twins().random(twins().act(), c.n, c.k, c.layout);
    };
  }

  private ElementType outType(Case c) {
    return c.out == Out.F32 ? ElementType.F32 : twins().act();
  }

  /** A weight that is not of the activations' type may be rounded to it; others are exact. */
  private double error(Case c, int summands) {
    boolean exact = c.weight == Weight.ACT || c.weight == Weight.BF16;
    return exact ? TwinKernels.inFloat(summands, 1) : twins().inAct(summands, 1);
  }
}
