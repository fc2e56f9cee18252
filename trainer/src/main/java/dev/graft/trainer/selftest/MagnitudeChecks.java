package dev.graft.trainer.selftest;

import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.List;

/** What DoRA asks of kernels. */
final class MagnitudeChecks {

  private final TwinKernels twins;

  private MagnitudeChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    List<MovingChecks.Case> cases = MovingChecks.cases();
    return new CheckList<>(MagnitudeChecks::new)
        .each("rowSquares", cases, MagnitudeChecks::rowSquares)
        .each("scaleColumns", cases, MagnitudeChecks::scaleColumns)
        .each("scaleColumnsBackwardFactors", cases, MagnitudeChecks::scaleColumnsBackwardFactors)
        .each("magnitudeGains", cases, MagnitudeChecks::magnitudeGains)
        .one("magnitudeGains", "a row of zeros", MagnitudeChecks::aRowOfZerosHasNoGain)
        .checks();
  }

  private void rowSquares(MovingChecks.Case s) {
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      Twin w = twins.random(type, s.rows(), s.columns(), s.layout());
      Twin squares = twins.vector(ElementType.F32, s.rows());
      twins.run(k -> k.rowSquares(w.on(k), squares.on(k)));
      // Squares do not cancel: partial sums grow with n, not with its root.
      twins.expectClose(squares, TwinKernels.inFloat(s.columns(), Math.sqrt(s.columns())));
    }
  }

  private void scaleColumns(MovingChecks.Case s) {
    for (ElementType out : new ElementType[] {twins.act(), ElementType.F32}) {
      for (boolean accumulate : new boolean[] {false, true}) {
        Twin x = twins.random(twins.act(), s.rows(), s.columns(), s.layout());
        Twin factors = twins.vector(ElementType.F32, s.columns());
        Twin y = twins.random(out, s.rows(), s.columns(), s.layout());
        twins.run(k -> k.scaleColumns(x.on(k), factors.on(k), y.on(k), accumulate));
        twins.expectClose(y, accumulate ? TwinKernels.inFloat(1, 1) : 0);
      }
    }
  }

  private void scaleColumnsBackwardFactors(MovingChecks.Case s) {
    Twin dy = twins.random(twins.act(), s.rows(), s.columns(), s.layout());
    Twin x = twins.random(twins.act(), s.rows(), s.columns(), s.layout());
    Twin constants = twins.vector(ElementType.F32, s.columns());
    Twin dfactors = twins.vector(ElementType.F32, s.columns());
    twins.run(
        k -> k.scaleColumnsBackwardFactors(dy.on(k), x.on(k), constants.on(k), dfactors.on(k)));
    twins.expectClose(dfactors, TwinKernels.inFloat(s.rows(), 4));
  }

  /** Lengths are far from 0 here, so that 1 / c is as exact as c. */
  private void magnitudeGains(MovingChecks.Case s) {
    int out = s.columns();
    int rank = s.rows();
    Twin b = twins.random(twins.act(), out, rank, s.layout());
    Twin cross = twins.random(ElementType.F32, rank, out, s.layout());
    Twin gram = twins.random(ElementType.F32, rank, rank, s.layout());
    float[] lengths = twins.gaussian(out, 1);
    for (int i = 0; i < out; i++) {
      lengths[i] = 1e4f + lengths[i];
    }
    Twin squares = twins.of(ElementType.F32, 1, out, s.layout(), lengths);
    Twin magnitude = twins.vector(ElementType.F32, out);
    Twin inverses = twins.vector(ElementType.F32, out);
    Twin gains = twins.vector(ElementType.F32, out);
    float scale = 1.7f;
    twins.run(k ->
        k.magnitudeGains(
            squares.on(k),
            cross.on(k),
            gram.on(k),
            b.on(k),
            scale,
            magnitude.on(k),
            inverses.on(k),
            gains.on(k)));
    // A relative error of c² is half as large in 1 / c, which is 0.01.
    double error =
        0.01 * TwinKernels.inFloat(rank * rank, 4) / 1e4 + 0.02 * TwinKernels.FLOAT_EPSILON;
    twins.expectClose(inverses, error);
    twins.expectClose(gains, 4 * error);
  }

  private void aRowOfZerosHasNoGain() {
    Twin b = twins.of(twins.act(), 2, 1, Layout.PACKED, 0, 1);
    Twin cross = twins.of(ElementType.F32, 1, 2, Layout.PACKED, 0, 0);
    Twin gram = twins.of(ElementType.F32, 1, 1, Layout.PACKED, 4);
    Twin squares = twins.of(ElementType.F32, 1, 2, Layout.PACKED, 0, 0);
    Twin magnitude = twins.of(ElementType.F32, 1, 2, Layout.PACKED, 3, 3);
    Twin inverses = twins.of(ElementType.F32, 1, 2, Layout.PACKED, 9, 9);
    Twin gains = twins.of(ElementType.F32, 1, 2, Layout.PACKED, 9, 9);
    twins.run(k ->
        k.magnitudeGains(
            squares.on(k),
            cross.on(k),
            gram.on(k),
            b.on(k),
            0.5f,
            magnitude.on(k),
            inverses.on(k),
            gains.on(k)));
    twins.expectExactly("inverse lengths", inverses.actual(), 0, 1);
    twins.expectExactly("gains", gains.actual(), 0, 3);
    twins.expectEqual(gains);
  }
}
