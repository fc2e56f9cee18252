package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The three products, with every kind of weight, into activations and into float32. */
final class ProductChecks {

  private final TwinKernels twins;

  private ProductChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(ProductChecks::new)
        .each("linear", cases(), ProductChecks::linear)
        .each("linearBackwardInput", cases(), ProductChecks::linearBackwardInput)
        .each("linearBackwardWeight", casesWithoutWeight(), ProductChecks::linearBackwardWeight)
        .one(
            "linearBackwardWeight",
            "into a parameter's rows",
            ProductChecks::aParametersGradientReachesItsArray)
        .checks();
  }

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

  record Case(int m, int n, int k, Weight weight, Out out, boolean accumulate, Layout layout) {

    @Override
    public String toString() {
      return "M %d, N %d, K %d, weight %s, %s %s, %s"
          .formatted(m, n, k, weight, accumulate ? "added to" : "into", out, layout);
    }
  }

  private static List<Case> cases() {
    int[][] sizes = {{1, 7, 31}, {7, 31, 207}, {31, 207, 7}, {31, 1, 1}, {207, 64, 80}};
    List<Case> cases = new ArrayList<>();
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
    return cases;
  }

  /** Those that differ in more than the weight. */
  private static List<Case> casesWithoutWeight() {
    return cases().stream().filter(c -> c.weight == Weight.ACT && c.out == Out.F32).toList();
  }

  private void linear(Case c) {
    Twin x = twins.random(twins.act(), c.m, c.k, c.layout);
    Twin w = weight(c);
    Twin y = twins.random(outType(c), c.m, c.n, c.layout);
    twins.run(kernels -> kernels.linear(x.on(kernels), w.on(kernels), y.on(kernels), c.accumulate));
    twins.expectClose(y, error(c, c.k));
  }

  private void linearBackwardInput(Case c) {
    Twin dy = twins.random(twins.act(), c.m, c.n, c.layout);
    Twin w = weight(c);
    Twin dx = twins.random(outType(c), c.m, c.k, c.layout);
    twins.run(kernels ->
        kernels.linearBackwardInput(dy.on(kernels), w.on(kernels), dx.on(kernels), c.accumulate));
    twins.expectClose(dx, error(c, c.n));
  }

  private void linearBackwardWeight(Case c) {
    Twin dy = twins.random(twins.act(), c.m, c.n, c.layout);
    Twin x = twins.random(twins.act(), c.m, c.k, c.layout);
    Twin dw = twins.random(ElementType.F32, c.n, c.k, c.layout);
    twins.run(kernels ->
        kernels.linearBackwardWeight(dy.on(kernels), x.on(kernels), dw.on(kernels), c.accumulate));
    twins.expectClose(dw, TwinKernels.inFloat(c.m, 1));
  }

  /** As LoRA does it: several projections' gradients into rows of one stacked parameter. */
  private void aParametersGradientReachesItsArray() {
    Kernels kernels = twins.tested();
    INDArray master = HostArrays.zeros(DataType.FLOAT, 5, 7);
    Tensor gradient = kernels.parameter(master);
    Twin dy = twins.random(twins.act(), 31, 5, Layout.PACKED);
    Twin x = twins.random(twins.act(), 31, 7, Layout.PACKED);
    Twin expected = twins.random(ElementType.F32, 5, 7, Layout.PACKED);
    Tensor dyTested = dy.on(kernels);
    kernels.linearBackwardWeight(dyTested.columns(0, 2), x.on(kernels), gradient.rows(0, 2), false);
    kernels.linearBackwardWeight(dyTested.columns(2, 3), x.on(kernels), gradient.rows(2, 3), true);
    kernels.pull(gradient);
    twins.run(k -> k.linearBackwardWeight(dy.on(k), x.on(k), expected.on(k), false));
    float[] wanted = expected.actual();
    for (int i = 0; i < wanted.length; i++) {
      twins.expectNear(
          "element " + i, master.getFloat(i / 7, i % 7), wanted[i], TwinKernels.inFloat(31, 1));
    }
  }

  private Twin weight(Case c) {
    return switch (c.weight) {
      case F32 -> twins.weight(ElementType.F32, c.n, c.k);
      case BF16 -> twins.weight(ElementType.BF16, c.n, c.k);
      case F16 -> twins.weight(ElementType.F16, c.n, c.k);
      case ACT -> twins.random(twins.act(), c.n, c.k, c.layout);
    };
  }

  private ElementType outType(Case c) {
    return c.out == Out.F32 ? ElementType.F32 : twins.act();
  }

  /** A weight that is not of the activations' type may be rounded to it; others are exact. */
  private double error(Case c, int summands) {
    boolean exact = c.weight == Weight.ACT || c.weight == Weight.BF16;
    return exact ? TwinKernels.inFloat(summands, 1) : twins.inAct(summands, 1);
  }
}
