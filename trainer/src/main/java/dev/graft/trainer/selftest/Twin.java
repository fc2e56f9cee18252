package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

/**
 * The same numbers twice: on the kernels under test in their own type, and on the oracle in
 * float64. Usually a slice of something larger, whose other numbers nobody may touch.
 */
final class Twin {

  private final Kernels testedKernels;
  private final Kernels oracleKernels;
  private final Tensor testedWhole;
  private final Tensor tested;
  private final Tensor oracle;
  private final float[] before;
  private boolean output;

  Twin(
      Kernels testedKernels,
      Kernels oracleKernels,
      Tensor testedWhole,
      Tensor tested,
      Tensor oracle) {
    this.testedKernels = testedKernels;
    this.oracleKernels = oracleKernels;
    this.testedWhole = testedWhole;
    this.tested = tested;
    this.oracle = oracle;
    this.before = tested.type() == ElementType.I32 ? new float[0] : testedKernels.read(testedWhole);
  }

  /** The tensor that belongs to these kernels. */
  Tensor on(Kernels kernels) {
    return kernels == testedKernels ? tested : oracle;
  }

  ElementType type() {
    return tested.type();
  }

  int rows() {
    return tested.rows();
  }

  int columns() {
    return tested.columns();
  }

  /** What the tested kernels computed. */
  float[] actual() {
    output = true;
    return testedKernels.read(tested);
  }

  /** What the oracle computed. */
  float[] expected() {
    return oracleKernels.read(oracle);
  }

  /** Inputs are as they were; so is everything around an output. */
  void expectRestUntouched() {
    if (type() == ElementType.I32) {
      return;
    }
    float[] after = testedKernels.read(testedWhole);
    for (int i = 0; i < after.length; i++) {
      if (Float.compare(after[i], before[i]) != 0 && !(output && isInside(i))) {
        throw new CheckFailure(
            "element %d around or of %s was %s and became %s"
                .formatted(i, tested, before[i], after[i]));
      }
    }
  }

  private boolean isInside(int element) {
    int first = (int) (tested.offset() - testedWhole.offset());
    int row = element / testedWhole.columns() - first / testedWhole.columns();
    int column = element % testedWhole.columns() - first % testedWhole.columns();
    return row >= 0 && row < rows() && column >= 0 && column < columns();
  }
}
