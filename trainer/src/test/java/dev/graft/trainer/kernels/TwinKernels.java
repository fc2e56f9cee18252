package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.nd4j.linalg.api.buffer.DataType;

/** The kernels under test beside the oracle: every operation runs on both, on equal numbers. */
final class TwinKernels implements AutoCloseable {

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
  private final Kernels oracle = new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  private final Arena arena = Arena.ofShared();
  private final Random random = new Random(20240229);
  private final List<Twin> twins = new ArrayList<>();

  TwinKernels(Kernels tested) {
    this.tested = tested;
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
    MemorySegment bytes = arena.allocate((long) values.length * type.bytes() + 8, 64).asSlice(8);
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
    Tensor exact = oracle.allocate(ElementType.F32, rows, columns);
    oracle.write(exact, values);
    return remember(new Twin(tested, oracle, weight, weight, exact));
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

  /** The same where summands may have been rounded to an activation before: ε · √n. */
  double inAct(int n, double summand) {
    return act() == ElementType.F32
        ? inFloat(n, summand)
        : BFLOAT16_EPSILON / 2 * Math.sqrt(n) * summand;
  }

  /**
   * The tested numbers are the oracle's, but for an error in computing and the rounding to their
   * type.
   *
   * @param error absolute, before rounding
   */
  void assertClose(Twin output, double error) {
    float[] actual = output.actual();
    float[] expected = output.expected();
    assertThat(actual).hasSameSizeAs(expected);
    double rounding =
        switch (output.type()) {
          case F32 -> FLOAT_EPSILON / 2;
          case BF16 -> BFLOAT16_EPSILON / 2;
          case F16 -> HALF_EPSILON / 2;
          case I32 -> 0;
        };
    for (int i = 0; i < actual.length; i++) {
      double tolerance = error + rounding * (Math.abs(expected[i]) + error);
      // Written so that NaN is not close.
      if (!(Math.abs((double) actual[i] - expected[i]) <= tolerance)) {
        fail(
            "row %d, column %d: %s, expected %s ± %s",
            i / output.columns(), i % output.columns(), actual[i], expected[i], tolerance);
      }
    }
  }

  void assertEqual(Twin output) {
    assertThat(output.actual()).containsExactly(output.expected());
  }

  @Override
  public void close() {
    twins.forEach(Twin::assertRestUntouched);
    oracle.close();
    tested.close();
    arena.close();
  }
}
