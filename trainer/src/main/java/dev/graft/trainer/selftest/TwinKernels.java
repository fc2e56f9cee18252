package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Consumer;

/** The kernels under test beside the oracle: every operation runs on both, on equal numbers. */
final class TwinKernels {

  /** Where a matrix lies: alone, or inside a wider and higher one. */
  enum Layout {
    PACKED,
    SLICED
  }

  /** Distance from 1 to the next number, and so twice the largest rounding error. */
  static final double FLOAT_EPSILON = 0x1p-23;

  static final double BFLOAT16_EPSILON = 0x1p-7;
  private static final double HALF_EPSILON = 0x1p-10;

  private final Kernels tested;
  private final Kernels oracle;
  private final Random random = new Random(20240229);
  private final List<Twin> twins = new ArrayList<>();
  private Outcome worst = Outcome.EXACT;

  /**
   * @param oracle the reference in float64
   */
  TwinKernels(Kernels tested, Kernels oracle) {
    this.tested = tested;
    this.oracle = oracle;
  }

  ElementType act() {
    return tested.activationType();
  }

  Kernels tested() {
    return tested;
  }

  Kernels oracle() {
    return oracle;
  }

  Random random() {
    return random;
  }

  // ---- making inputs and outputs ----

  /** Normally distributed numbers around zero, so that signs and sums matter. */
  Twin random(ElementType type, int rows, int columns, Layout layout) {
    return random(type, rows, columns, layout, 1);
  }

  Twin random(ElementType type, int rows, int columns, Layout layout, float deviation) {
    return of(type, rows, columns, layout, gaussian(rows * columns, deviation));
  }

  Twin vector(ElementType type, int columns) {
    return random(type, 1, columns, Layout.SLICED);
  }

  Twin of(ElementType type, int rows, int columns, Layout layout, float... values) {
    // Odd distances, so that nothing is aligned by luck.
    int before = layout == Layout.SLICED ? 3 : 0;
    int around = layout == Layout.SLICED ? 8 : 0;
    int above = layout == Layout.SLICED ? 1 : 0;
    Tensor whole = tested.allocate(type, rows + 2 * above, columns + around);
    tested.write(whole, gaussian(Math.toIntExact(whole.size()), 1));
    Tensor slice = whole.rows(above, rows).columns(before, columns);
    tested.write(slice, values);
    Tensor exact = oracle.allocate(ElementType.F32, rows, columns);
    oracle.write(exact, tested.read(slice));
    return remember(new Twin(tested, oracle, whole, slice, exact));
  }

  /** A frozen weight at a multiple of 8 bytes, as in a mapped safetensors file. */
  Twin weight(ElementType type, int rows, int columns) {
    float[] values = gaussian(rows * columns, 1);
    // It has to stay as long as the kernels do, which nobody here knows.
    MemorySegment bytes =
        Arena.ofAuto().allocate((long) values.length * type.bytes() + 8, 64).asSlice(8);
    for (int i = 0; i < values.length; i++) {
      values[i] = Rounding.toNearestEven(values[i], type);
      switch (type) {
        case F32 -> bytes.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, values[i]);
        case F16 ->
            bytes.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, Float.floatToFloat16(values[i]));
        case BF16 ->
            bytes.setAtIndex(
                ValueLayout.JAVA_SHORT_UNALIGNED,
                i,
                (short) (Float.floatToRawIntBits(values[i]) >>> 16));
        case I32 -> throw new IllegalArgumentException("a weight of integers");
      }
    }
    Tensor weight = tested.weight(type, rows, columns, bytes);
    float[] kept = tested.read(weight);
    expectKept(values, kept);
    Tensor exact = oracle.allocate(ElementType.F32, rows, columns);
    oracle.write(exact, kept);
    return remember(new Twin(tested, oracle, weight, weight, exact));
  }

  /** As they are, or rounded to the type of activations. */
  private void expectKept(float[] values, float[] kept) {
    for (int i = 0; i < values.length; i++) {
      expect(
          same(kept[i], values[i]) || same(kept[i], Rounding.toNearestEven(values[i], act())),
          "element %d of a weight was %s and became %s",
          i,
          values[i],
          kept[i]);
    }
  }

  /** Inside a longer vector, whose other numbers would be found out as indices. */
  Twin integers(int... values) {
    int[] around = new int[values.length + 8];
    Arrays.fill(around, -1_000_000);
    Tensor whole = tested.allocate(ElementType.I32, 1, around.length);
    tested.write(whole, around);
    Tensor numbers = whole.columns(3, values.length);
    tested.write(numbers, values);
    Tensor same = oracle.allocate(ElementType.I32, 1, values.length);
    oracle.write(same, values);
    return remember(new Twin(tested, oracle, whole, numbers, same));
  }

  float[] gaussian(int count, float deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = deviation * (float) random.nextGaussian();
    }
    return values;
  }

  private Twin remember(Twin twin) {
    twins.add(twin);
    return twin;
  }

  // ---- computing and comparing ----

  void run(Consumer<Kernels> operation) {
    operation.accept(oracle);
    operation.accept(tested);
  }

  /**
   * What may separate a sum of n summands in float32 from the exact one. Each of n additions rounds
   * by up to half an epsilon of a partial sum that has grown to √n summands (they have both signs),
   * and such errors add up to √n of one: ε · √n · √n. Where BLAS adds one by one that is five
   * standard deviations; twice, because the largest sums among ten thousand have the largest
   * partial sums. Four more for the operations around the sum.
   *
   * @param summand its usual size
   */
  static double inFloat(int n, double summand) {
    return 2 * FLOAT_EPSILON * (n + 4) * summand;
  }

  /**
   * The same where summands may have been rounded to an activation before: ε · √n, and of the few
   * that are added the largest may be three times the usual.
   */
  double inAct(int n, double summand) {
    return act() == ElementType.F32
        ? inFloat(n, summand)
        : BFLOAT16_EPSILON / 2 * (Math.sqrt(n) + 2) * summand;
  }

  /**
   * The tested numbers are the oracle's, but for an error in computing and the rounding to their
   * type.
   *
   * @param error absolute, before rounding
   */
  void expectClose(Twin output, double error) {
    float[] actual = output.actual();
    float[] expected = output.expected();
    expect(actual.length == expected.length, "%d numbers of %d", actual.length, expected.length);
    double rounding =
        switch (output.type()) {
          case F32 -> FLOAT_EPSILON / 2;
          case BF16 -> BFLOAT16_EPSILON / 2;
          case F16 -> HALF_EPSILON / 2;
          case I32 -> 0;
        };
    Outcome largest = Outcome.EXACT;
    int where = 0;
    for (int i = 0; i < actual.length; i++) {
      double tolerance = error + rounding * (Math.abs(expected[i]) + error);
      Outcome here = new Outcome(Math.abs((double) actual[i] - expected[i]), tolerance, "");
      if (here.ratio() > largest.ratio()) {
        largest = here;
        where = i;
      }
    }
    worst = worst.orWorse(largest.ratio() == 0 ? new Outcome(0, error, "") : largest);
    expect(
        largest.ratio() <= 1,
        "row %d, column %d of %s: %s, expected %s ± %s",
        where / output.columns(),
        where % output.columns(),
        output.type(),
        actual[where],
        expected[where],
        largest.allowed());
  }

  /** One number, within a tolerance. */
  void expectNear(String what, double actual, double expected, double tolerance) {
    Outcome here = new Outcome(Math.abs(actual - expected), tolerance, "");
    worst = worst.orWorse(here);
    expect(here.ratio() <= 1, "%s: %s, expected %s ± %s", what, actual, expected, tolerance);
  }

  void expectEqual(Twin output) {
    expectExactly("numbers", output.actual(), output.expected());
  }

  /** Bit for bit, but for what no number may be. */
  void expectExactly(String what, float[] actual, float... expected) {
    expect(actual.length == expected.length, "%d numbers of %d", actual.length, expected.length);
    for (int i = 0; i < actual.length; i++) {
      if (!same(actual[i], expected[i])) {
        worst = new Outcome(Math.abs((double) actual[i] - expected[i]), 0, "");
        expect(false, "%s: element %d is %s, expected %s", what, i, actual[i], expected[i]);
      }
    }
  }

  private static boolean same(float a, float b) {
    return Float.compare(a, b) == 0;
  }

  /** That kernels refuse what they say they don't have. */
  void expectUnsupported(Runnable operation) {
    try {
      operation.run();
    } catch (UnsupportedOperationException _) {
      return;
    }
    expect(false, "it is not there, and yet was done");
  }

  void expect(boolean so, String message, Object... values) {
    if (!so) {
      throw new CheckFailure(String.format(Locale.ROOT, message, values));
    }
  }

  /** Inputs are as they were; so is everything around an output. */
  void expectRestUntouched() {
    twins.forEach(Twin::expectRestUntouched);
  }

  /** The largest error so far, in units of what is allowed. */
  Outcome worst() {
    return worst;
  }
}
