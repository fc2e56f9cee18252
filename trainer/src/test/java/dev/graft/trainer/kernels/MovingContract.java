package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What moves, adds, scales and drops. */
interface MovingContract extends Contract {

  String SIZES = "dev.graft.trainer.kernels.MovingContract#sizes";

  record Size(int rows, int columns, Layout layout) {}

  static Stream<Size> sizes() {
    int[][] sizes = {{1, 1}, {1, 31}, {7, 1}, {7, 7}, {31, 64}, {7, 207}};
    Stream.Builder<Size> all = Stream.builder();
    for (int[] size : sizes) {
      for (Layout layout : Layout.values()) {
        all.add(new Size(size[0], size[1], layout));
      }
    }
    return all.build();
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void gatherRows(Size s) {
    for (ElementType type : floats()) {
      Twin x = twins().random(ElementType.F32, s.rows + 3, s.columns, s.layout);
      Twin index = twins().integers(distinct(s.rows));
      Twin out = twins().random(type, s.rows, s.columns, s.layout);
      twins().run(k -> k.gatherRows(x.on(k), index.on(k), out.on(k)));
      assertRounded(out);
    }
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void scatterRows(Size s) {
    Twin x = twins().random(ElementType.F32, s.rows, s.columns, s.layout);
    Twin index = twins().integers(distinct(s.rows));
    Twin out = twins().random(ElementType.F32, s.rows + 3, s.columns, s.layout);
    twins().run(k -> k.scatterRows(x.on(k), index.on(k), out.on(k)));
    twins().assertEqual(out);
  }

  /** As many of {@code count + 3} rows, in no order. */
  private int[] distinct(int count) {
    int[] index = new int[count];
    for (int i = 0; i < count; i++) {
      index[i] = count + 2 - i;
    }
    int last = index[count - 1];
    index[count - 1] = index[0];
    index[0] = last;
    return index;
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void copy(Size s) {
    for (ElementType from : floats()) {
      for (ElementType to : floats()) {
        Twin x = twins().random(from, s.rows, s.columns, s.layout);
        Twin out = twins().random(to, s.rows, s.columns, opposite(s.layout));
        twins().run(k -> k.copy(x.on(k), out.on(k)));
        assertRounded(out);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void add(Size s) {
    for (ElementType from : floats()) {
      Twin x = twins().random(from, s.rows, s.columns, s.layout);
      Twin y = twins().random(ElementType.F32, s.rows, s.columns, opposite(s.layout));
      twins().run(k -> k.add(x.on(k), y.on(k)));
      twins().assertClose(y, 0);
    }
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void scale(Size s) {
    for (ElementType type : floats()) {
      Twin x = twins().random(type, s.rows, s.columns, s.layout);
      twins().run(k -> k.scale(x.on(k), -1.7f));
      twins().assertClose(x, 0);
    }
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void zero(Size s) {
    for (ElementType type : floats()) {
      Twin x = twins().random(type, s.rows, s.columns, s.layout);
      twins().run(k -> k.zero(x.on(k)));
      twins().assertEqual(x);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 1", "7, 7", "31, 64", "7, 207"})
  default void dropout(int rows, int columns) {
    for (float rate : new float[] {0, 0.1f, 0.5f, 0.999f}) {
      for (ElementType type : floats()) {
        for (boolean accumulate : new boolean[] {false, true}) {
          DropoutMask mask = new DropoutMask(rate, -4_000_000_007L, rows, columns);
          ElementType outType = accumulate ? ElementType.F32 : type;
          Twin x = twins().random(type, rows, columns, Layout.PACKED);
          Twin out = twins().random(outType, rows, columns, Layout.PACKED);
          twins().run(k -> k.dropout(x.on(k), mask, out.on(k), accumulate));
          // Two roundings when accumulating: of the product and of the sum.
          double product = 4 * mask.keepScale() * TwinKernels.FLOAT_EPSILON;
          twins().assertClose(out, accumulate ? product : 0);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void addNoise(Size s) {
    UniformNoise noise = new UniformNoise(-4_000_000_007L, s.rows, -1);
    Twin x = twins().random(ElementType.F32, s.rows, s.columns, s.layout);
    Twin amplitudes = twins().vector(ElementType.F32, s.rows);
    twins().run(k -> k.addNoise(x.on(k), amplitudes.on(k), noise));
    twins().assertClose(x, TwinKernels.inFloat(1, 1));
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  default void sumOfSquares(Size s) {
    Twin x = twins().random(ElementType.F32, s.rows, s.columns, s.layout, 1000);
    double exact = 0;
    for (float value : x.expected()) {
      exact += (double) value * value;
    }
    assertThat(twins().tested().sumOfSquares(x.on(twins().tested())))
        .isCloseTo(exact, Percentage.withPercentage(1e-10));
  }

  /** Nothing is computed: the result is the one number nearest to the exact one. */
  private void assertRounded(Twin out) {
    float[] expected = out.expected();
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Rounding.toNearestEven(expected[i], out.type());
    }
    assertThat(out.actual()).containsExactly(expected);
  }

  private ElementType[] floats() {
    return twins().act() == ElementType.F32
        ? new ElementType[] {ElementType.F32}
        : new ElementType[] {ElementType.F32, twins().act()};
  }

  private static Layout opposite(Layout layout) {
    return layout == Layout.PACKED ? Layout.SLICED : Layout.PACKED;
  }
}
