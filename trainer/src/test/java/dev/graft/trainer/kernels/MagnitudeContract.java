package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What DoRA asks of kernels. */
interface MagnitudeContract extends Contract {

  @ParameterizedTest
  @MethodSource(MovingContract.SIZES)
  default void rowSquares(MovingContract.Size s) {
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      Twin w = twins().random(type, s.rows(), s.columns(), s.layout());
      Twin squares = twins().vector(ElementType.F32, s.rows());
      twins().run(k -> k.rowSquares(w.on(k), squares.on(k)));
      // Squares do not cancel: partial sums grow with n, not with its root.
      twins().assertClose(squares, TwinKernels.inFloat(s.columns(), Math.sqrt(s.columns())));
    }
  }

  @ParameterizedTest
  @MethodSource(MovingContract.SIZES)
  default void scaleColumns(MovingContract.Size s) {
    for (ElementType out : new ElementType[] {twins().act(), ElementType.F32}) {
      for (boolean accumulate : new boolean[] {false, true}) {
        Twin x = twins().random(twins().act(), s.rows(), s.columns(), s.layout());
        Twin factors = twins().vector(ElementType.F32, s.columns());
        Twin y = twins().random(out, s.rows(), s.columns(), s.layout());
        twins().run(k -> k.scaleColumns(x.on(k), factors.on(k), y.on(k), accumulate));
        twins().assertClose(y, accumulate ? TwinKernels.inFloat(1, 1) : 0);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(MovingContract.SIZES)
  default void scaleColumnsBackwardFactors(MovingContract.Size s) {
    Twin dy = twins().random(twins().act(), s.rows(), s.columns(), s.layout());
    Twin x = twins().random(twins().act(), s.rows(), s.columns(), s.layout());
    Twin constants = twins().vector(ElementType.F32, s.columns());
    Twin dfactors = twins().vector(ElementType.F32, s.columns());
    twins()
        .run(
            k -> k.scaleColumnsBackwardFactors(dy.on(k), x.on(k), constants.on(k), dfactors.on(k)));
    twins().assertClose(dfactors, TwinKernels.inFloat(s.rows(), 4));
  }

  /** Lengths are far from 0 here, so that 1 / c is as exact as c. */
  @ParameterizedTest
  @MethodSource(MovingContract.SIZES)
  default void magnitudeGains(MovingContract.Size s) {
    int out = s.columns();
    int rank = s.rows();
    Twin b = twins().random(twins().act(), out, rank, s.layout());
    Twin cross = twins().random(ElementType.F32, rank, out, s.layout());
    Twin gram = twins().random(ElementType.F32, rank, rank, s.layout());
    float[] lengths = twins().gaussian(out, 1);
    for (int i = 0; i < out; i++) {
      lengths[i] = 1e4f + lengths[i];
    }
    Twin squares = twins().of(ElementType.F32, 1, out, s.layout(), lengths);
    Twin magnitude = twins().vector(ElementType.F32, out);
    Twin inverses = twins().vector(ElementType.F32, out);
    Twin gains = twins().vector(ElementType.F32, out);
    float scale = 1.7f;
    twins()
        .run(k ->
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
    twins().assertClose(inverses, error);
    twins().assertClose(gains, 4 * error);
  }

  @Test
  default void aRowOfZerosHasNoGain() {
    Twin b = twins().of(twins().act(), 2, 1, Layout.PACKED, 0, 1);
    Twin cross = twins().of(ElementType.F32, 1, 2, Layout.PACKED, 0, 0);
    Twin gram = twins().of(ElementType.F32, 1, 1, Layout.PACKED, 4);
    Twin squares = twins().of(ElementType.F32, 1, 2, Layout.PACKED, 0, 0);
    Twin magnitude = twins().of(ElementType.F32, 1, 2, Layout.PACKED, 3, 3);
    Twin inverses = twins().of(ElementType.F32, 1, 2, Layout.PACKED, 9, 9);
    Twin gains = twins().of(ElementType.F32, 1, 2, Layout.PACKED, 9, 9);
    twins()
        .run(k ->
            k.magnitudeGains(
                squares.on(k),
                cross.on(k),
                gram.on(k),
                b.on(k),
                0.5f,
                magnitude.on(k),
                inverses.on(k),
                gains.on(k)));
    assertThat(inverses.actual()).containsExactly(0, 1);
    assertThat(gains.actual()).containsExactly(0, 3);
    twins().assertEqual(gains);
  }
}
