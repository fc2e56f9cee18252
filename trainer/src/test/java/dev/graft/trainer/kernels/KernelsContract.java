package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.selftest.Check;
import dev.graft.trainer.selftest.Checks;
import dev.graft.trainer.selftest.Outcome;
import dev.graft.trainer.tensor.ElementType;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * What every implementation of {@link Kernels} has to do: the checks that {@code doctor --selftest}
 * runs on a user's machine. A new implementation subclasses this and {@link GradientContract}.
 */
abstract class KernelsContract {

  /** New kernels, closed by the contract. */
  abstract Kernels create();

  static List<Check> checks() {
    return Checks.all();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("checks")
  void check(Check check) {
    try (Kernels oracle = new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
        Kernels tested = create()) {
      Outcome outcome = check.run(tested, oracle);

      assertThat(outcome.failure()).as(check.name()).isEmpty();
      assertThat(outcome.ratio()).isLessThanOrEqualTo(1);
    }
  }
}
