package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.ArrayList;
import java.util.List;

/** What moves, adds, scales and drops. */
final class MovingChecks {

  private static final List<Size> SIZES = Size.list(1, 1, 1, 31, 7, 1, 7, 7, 31, 64, 7, 207);

  private final TwinKernels twins;

  private MovingChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(MovingChecks::new)
        .each("copy", cases(), MovingChecks::copy)
        .each("zero", cases(), MovingChecks::zero)
        .each("scale", cases(), MovingChecks::scale)
        .each("add", cases(), MovingChecks::add)
        .each("sumOfSquares", cases(), MovingChecks::sumOfSquares)
        .each("gatherRows", cases(), MovingChecks::gatherRows)
        .each("scatterRows", cases(), MovingChecks::scatterRows)
        .each("dropout", SIZES, MovingChecks::dropout)
        .each("addNoise", cases(), MovingChecks::addNoise)
        .checks();
  }

  record Case(int rows, int columns, Layout layout) {

    @Override
    public String toString() {
      return "%d x %d, %s".formatted(rows, columns, layout);
    }
  }

  static List<Case> cases() {
    List<Case> all = new ArrayList<>();
    for (Size size : SIZES) {
      for (Layout layout : Layout.values()) {
        all.add(new Case(size.rows(), size.columns(), layout));
      }
    }
    return all;
  }

  private void gatherRows(Case s) {
    for (ElementType type : floats()) {
      Twin x = twins.random(ElementType.F32, s.rows + 3, s.columns, s.layout);
      Twin index = twins.integers(distinct(s.rows));
      Twin out = twins.random(type, s.rows, s.columns, s.layout);
      twins.run(k -> k.gatherRows(x.on(k), index.on(k), out.on(k)));
      expectRounded(out);
    }
  }

  private void scatterRows(Case s) {
    Twin x = twins.random(ElementType.F32, s.rows, s.columns, s.layout);
    Twin index = twins.integers(distinct(s.rows));
    Twin out = twins.random(ElementType.F32, s.rows + 3, s.columns, s.layout);
    twins.run(k -> k.scatterRows(x.on(k), index.on(k), out.on(k)));
    twins.expectEqual(out);
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

  private void copy(Case s) {
    for (ElementType from : floats()) {
      for (ElementType to : floats()) {
        Twin x = twins.random(from, s.rows, s.columns, s.layout);
        Twin out = twins.random(to, s.rows, s.columns, opposite(s.layout));
        twins.run(k -> k.copy(x.on(k), out.on(k)));
        expectRounded(out);
      }
    }
  }

  private void add(Case s) {
    for (ElementType from : floats()) {
      Twin x = twins.random(from, s.rows, s.columns, s.layout);
      Twin y = twins.random(ElementType.F32, s.rows, s.columns, opposite(s.layout));
      twins.run(k -> k.add(x.on(k), y.on(k)));
      twins.expectClose(y, 0);
    }
  }

  private void scale(Case s) {
    for (ElementType type : floats()) {
      Twin x = twins.random(type, s.rows, s.columns, s.layout);
      twins.run(k -> k.scale(x.on(k), -1.7f));
      twins.expectClose(x, 0);
    }
  }

  private void zero(Case s) {
    for (ElementType type : floats()) {
      Twin x = twins.random(type, s.rows, s.columns, s.layout);
      twins.run(k -> k.zero(x.on(k)));
      twins.expectEqual(x);
    }
  }

  private void dropout(Size size) {
    int rows = size.rows();
    int columns = size.columns();
    for (float rate : new float[] {0, 0.1f, 0.5f, 0.999f}) {
      for (ElementType type : floats()) {
        for (boolean accumulate : new boolean[] {false, true}) {
          DropoutMask mask = new DropoutMask(rate, -4_000_000_007L, rows, columns);
          ElementType outType = accumulate ? ElementType.F32 : type;
          Twin x = twins.random(type, rows, columns, Layout.PACKED);
          Twin out = twins.random(outType, rows, columns, Layout.PACKED);
          twins.run(k -> k.dropout(x.on(k), mask, out.on(k), accumulate));
          // Two roundings when accumulating: of the product and of the sum.
          double product = 4 * mask.keepScale() * TwinKernels.FLOAT_EPSILON;
          twins.expectClose(out, accumulate ? product : 0);
        }
      }
    }
  }

  private void addNoise(Case s) {
    UniformNoise noise = new UniformNoise(-4_000_000_007L, s.rows, -1);
    Twin x = twins.random(ElementType.F32, s.rows, s.columns, s.layout);
    Twin amplitudes = twins.vector(ElementType.F32, s.rows);
    twins.run(k -> k.addNoise(x.on(k), amplitudes.on(k), noise));
    twins.expectClose(x, TwinKernels.inFloat(1, 1));
  }

  private void sumOfSquares(Case s) {
    Twin x = twins.random(ElementType.F32, s.rows, s.columns, s.layout, 1000);
    double exact = 0;
    for (float value : x.expected()) {
      exact += (double) value * value;
    }
    double sum = twins.tested().sumOfSquares(x.on(twins.tested()));
    twins.expectNear("the sum", sum, exact, 1e-12 * exact);
  }

  /** Nothing is computed: the result is the one number nearest to the exact one. */
  private void expectRounded(Twin out) {
    float[] expected = out.expected();
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Rounding.toNearestEven(expected[i], out.type());
    }
    twins.expectExactly("numbers", out.actual(), expected);
  }

  private ElementType[] floats() {
    return twins.act() == ElementType.F32
        ? new ElementType[] {ElementType.F32}
        : new ElementType[] {ElementType.F32, twins.act()};
  }

  private static Layout opposite(Layout layout) {
    return layout == Layout.PACKED ? Layout.SLICED : Layout.PACKED;
  }
}
