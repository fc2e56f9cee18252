package dev.graft.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ParameterGroup.Kind;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;

class OptimizerTest {

  private static final int STEPS = 20;

  /** Every optimizer as it is by default, and with other constants. */
  static List<OptimizerSettings> settings() {
    List<OptimizerSettings> all = new ArrayList<>();
    for (OptimizerKind kind : OptimizerKind.values()) {
      all.add(OptimizerSettings.of(kind, 0));
      all.add(OptimizerSettings.of(kind, 0.01));
      // An ε that counts shows where it is added.
      all.add(new OptimizerSettings(kind, 0.8, 0.95, 1e-3, 0.7, false, 0.1));
    }
    all.add(new OptimizerSettings(OptimizerKind.SGD, 0, 0, 0, 0.9, true, 0.01));
    all.add(new OptimizerSettings(OptimizerKind.SGD, 0, 0, 0, 0, false, 0.01));
    return all;
  }

  private static Optimizer optimizer(OptimizerSettings settings, int size) {
    return Optimizer.of(settings, List.of(new ParameterGroup(Kind.WEIGHT, 0, size)), 1);
  }

  private static double[] floats(Random random, int n, double scale) {
    return random.doubles(n, -1, 1).map(x -> (float) (x * scale)).toArray();
  }

  private static INDArray vector(double[] values) {
    INDArray vector = HostArrays.zeros(values.length);
    for (int i = 0; i < values.length; i++) {
      HostArrays.memory(vector).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) values[i]);
    }
    return vector;
  }

  /** Up and down again, as in a run; never 0. */
  private static double learningRate(int step) {
    return 1e-2 * (1 + Math.min(step, STEPS - step)) / STEPS;
  }

  @ParameterizedTest
  @MethodSource("settings")
  void stepsAreThePapers(OptimizerSettings settings) {
    for (int n : new int[] {1, 7, 31, 207}) {
      assertStepsAreThePapers(settings, n, 1);
      // As small as an adapter's gradients often are, and as small as ε.
      assertStepsAreThePapers(settings, n, 1e-4);
      assertStepsAreThePapers(settings, n, 1e-8);
    }
  }

  private static void assertStepsAreThePapers(
      OptimizerSettings settings, int n, double gradientScale) {
    Random random = new Random(3);
    double[] expected = floats(random, n, 0.1);
    Papers.Rule[] rules = new Papers.Rule[n];
    for (int i = 0; i < n; i++) {
      rules[i] = Papers.of(settings);
    }
    Optimizer ours = optimizer(settings, n);
    INDArray parameters = vector(expected);
    for (int step = 0; step < STEPS; step++) {
      double[] g = floats(random, n, gradientScale);
      double lr = learningRate(step);
      for (int i = 0; i < n; i++) {
        double update = rules[i].update(g[i], lr, step + 1);
        expected[i] -= update + lr * settings.weightDecay() * expected[i];
      }
      ours.step(parameters, vector(g), lr, step);
    }
    float[] actual = parameters.toFloatVector();
    for (int i = 0; i < n; i++) {
      assertThat((double) actual[i])
          .as("%s, gradients of %s, parameter %d of %d", settings, gradientScale, i, n)
          .isCloseTo(expected[i], within(3e-7));
    }
  }

  @ParameterizedTest
  @MethodSource("settings")
  void whatIsRememberedIsWhatIsPlanned(OptimizerSettings settings) {
    long numbers =
        optimizer(settings, 31).state().values().stream().mapToLong(INDArray::length).sum();
    assertThat(numbers).isEqualTo(31L * Optimizer.numbersPerParameter(settings));
  }

  @ParameterizedTest
  @MethodSource("settings")
  void fromASavedStateItGoesOnBitForBit(OptimizerSettings settings) {
    int n = 207;
    INDArray parameters = vector(floats(new Random(1), n, 0.1));
    Optimizer first = optimizer(settings, n);
    Random random = new Random(2);
    for (int step = 0; step < 10; step++) {
      first.step(parameters, vector(floats(random, n, 1)), learningRate(step), step);
    }
    Optimizer second = optimizer(settings, n);
    first
        .state()
        .forEach((name, array) -> Objects.requireNonNull(second.state().get(name)).assign(array));
    INDArray resumed = parameters.dup();
    for (int step = 10; step < 20; step++) {
      double[] g = floats(random, n, 1);
      first.step(parameters, vector(g), learningRate(step), step);
      second.step(resumed, vector(g), learningRate(step), step);
    }
    assertThat(resumed.toFloatVector()).isEqualTo(parameters.toFloatVector());
  }

  @ParameterizedTest
  @MethodSource("settings")
  void learningRateZeroMovesNothingButTheState(OptimizerSettings settings) {
    INDArray parameters = vector(new double[] {1, 1, 1});
    Optimizer optimizer = optimizer(settings, 3);
    optimizer.step(parameters, vector(new double[] {2, 2, 2}), 0, 0);
    assertThat(parameters.toFloatVector()).containsExactly(1, 1, 1);
    optimizer.state().forEach((name, array) -> assertThat(array.getDouble(1)).as(name).isNotZero());
  }

  /** As those of all A matrices are in the first step, B being zero. */
  @ParameterizedTest
  @EnumSource
  void gradientsOfZeroMoveNothing(OptimizerKind kind) {
    INDArray parameters = vector(new double[] {1, -2, 0});
    Optimizer optimizer = optimizer(OptimizerSettings.of(kind, 0), 3);
    for (int step = 0; step < 3; step++) {
      optimizer.step(parameters, HostArrays.zeros(3), 0.1, step);
    }
    assertThat(parameters.toFloatVector()).containsExactly(1, -2, 0);
  }

  /** LoRA+: A by the papers at its rate, B by the papers at 16 times that rate, decay included. */
  @ParameterizedTest
  @MethodSource("settings")
  void withLoraPlusBLearnsAtItsOwnRate(OptimizerSettings settings) {
    int sizeOfA = 31;
    int n = sizeOfA + 7;
    double ratio = 16;
    Random random = new Random(5);
    double[] expected = floats(random, n, 0.1);
    INDArray parameters = vector(expected);
    Optimizer ours = Optimizer.of(settings, aAndB(sizeOfA, n), ratio);
    Papers.Rule[] rules = new Papers.Rule[n];
    for (int i = 0; i < n; i++) {
      rules[i] = Papers.of(settings);
    }
    for (int step = 0; step < STEPS; step++) {
      double[] g = floats(random, n, 1e-2);
      for (int i = 0; i < n; i++) {
        double lr = learningRate(step) / 16 * (i < sizeOfA ? 1 : ratio);
        double update = rules[i].update(g[i], lr, step + 1);
        expected[i] -= update + lr * settings.weightDecay() * expected[i];
      }
      ours.step(parameters, vector(g), learningRate(step) / 16, step);
    }
    float[] actual = parameters.toFloatVector();
    for (int i = 0; i < n; i++) {
      assertThat((double) actual[i])
          .as("%s, parameter %d", settings, i)
          .isCloseTo(expected[i], within(3e-7));
    }
  }

  private static List<ParameterGroup> aAndB(int sizeOfA, int size) {
    return List.of(
        new ParameterGroup(Kind.LORA_A, 0, sizeOfA),
        new ParameterGroup(Kind.LORA_B, sizeOfA, size - sizeOfA));
  }

  @Test
  void loraPlusChangesNothingWhereItIsOff() {
    var settings = OptimizerSettings.of(OptimizerKind.ADAMW, 0.01);
    INDArray parameters = vector(floats(new Random(1), 207, 0.1));
    INDArray plain = parameters.dup();
    Optimizer off = Optimizer.of(settings, aAndB(31, 207), 1);
    Optimizer one = optimizer(settings, 207);
    for (int step = 0; step < 5; step++) {
      double[] g = floats(new Random(step), 207, 1);
      off.step(parameters, vector(g), learningRate(step), step);
      one.step(plain, vector(g), learningRate(step), step);
    }
    assertThat(parameters.toFloatVector()).isEqualTo(plain.toFloatVector());
  }

  @Test
  void normsDoNotDecay() {
    List<ParameterGroup> groups =
        List.of(
            new ParameterGroup(Kind.EMBEDDING, 0, 2),
            new ParameterGroup(Kind.NORM, 2, 1),
            new ParameterGroup(Kind.WEIGHT, 3, 4));
    Optimizer optimizer = Optimizer.of(OptimizerSettings.of(OptimizerKind.SGD, 0.5), groups, 1);
    INDArray parameters = HostArrays.zeros(7).addi(2);
    optimizer.step(parameters, HostArrays.zeros(7), 0.25, 0);
    // 2 - 0.25 · 0.5 · 2
    assertThat(parameters.toFloatVector())
        .containsExactly(1.75f, 1.75f, 2, 1.75f, 1.75f, 1.75f, 1.75f);
  }
}
