package dev.graft.trainer.kernels.vector;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class VectorMathTest {

  @Test
  void expIsWithinTwoUlpEverywhere() {
    double worst = 0;
    // A step that is no power of two, so that no bit of the argument stays the same.
    for (float x = -87.3f; x <= 88.3f; x += 0.000317f) {
      double exact = Math.exp(x);
      float actual = exp(x);
      worst = Math.max(worst, Math.abs(actual - exact) / Math.ulp((float) exact));
    }
    assertThat(worst).isLessThan(2);
  }

  @Test
  void expIsExactAtZeroAndSafeAtTheEnds() {
    assertThat(exp(0)).isEqualTo(1);
    assertThat(exp(-0f)).isEqualTo(1);
    assertThat(exp(-87.4f)).isZero();
    assertThat(exp(-1e30f)).isZero();
    assertThat(exp(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(exp(88.4f)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(exp(Float.NaN)).isNaN();
  }

  @Test
  void sigmoidIsWithinAFewUlp() {
    for (float x = -80; x <= 100; x += 0.0137f) {
      double exact = 1 / (1 + Math.exp(-(double) x));
      assertThat((double) lane(VectorMath.sigmoid(broadcast(x))))
          .as("%s", x)
          .isCloseTo(exact, Offset.offset(4 * Math.ulp((float) exact) * 1.0));
    }
    assertThat(lane(VectorMath.sigmoid(broadcast(-200)))).isZero();
    assertThat(lane(VectorMath.sigmoid(broadcast(200)))).isEqualTo(1);
    assertThat(lane(VectorMath.sigmoid(broadcast(Float.NaN)))).isNaN();
  }

  private static float exp(float x) {
    return lane(VectorMath.exp(broadcast(x)));
  }

  private static FloatVector broadcast(float x) {
    return FloatVector.broadcast(Lanes.FLOATS, x);
  }

  private static float lane(FloatVector v) {
    return v.lane(Lanes.COUNT - 1);
  }
}
