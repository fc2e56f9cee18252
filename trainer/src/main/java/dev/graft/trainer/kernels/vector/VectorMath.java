package dev.graft.trainer.kernels.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The few functions that the loops need, on whole vectors. */
final class VectorMath {

  private static final float LOG2_E = 0x1.715476p0f;
  // ln 2 in two parts: n times the upper one is exact for every n that occurs.
  private static final float LN2_HIGH = 0x1.62e4p-1f;
  private static final float LN2_LOW = 0x1.7f7d1cp-20f;
  // Adding and taking away 1.5 · 2^23 rounds to the nearest integer.
  private static final float ROUNDER = 0x1.8p23f;
  private static final float SMALLEST = -87.3f;
  private static final float LARGEST = 88.3f;

  private VectorMath() {}

  /**
   * e^x within 2 ulp: {@code x = n ln 2 + r}, {@code e^x = 2^n e^r}, with {@code e^r} for |r| <= ln
   * 2 / 2 by its Taylor polynomial of degree 7, whose remainder is below 6e-9. Zero below -87.3 (so
   * that no subnormal number ever comes out of it), infinity above 88.3; NaN stays NaN.
   *
   * <p>Why not {@code lanewise(EXP)}: that one calls into a library for each vector, at a quarter
   * of the speed, and falls back to a loop that allocates where the library is missing.
   */
  static FloatVector exp(FloatVector x) {
    FloatVector result = expNotPositive(x);
    return result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, LARGEST));
  }

  /** As {@link #exp}, for arguments that are known to be at most 88.3. */
  static FloatVector expNotPositive(FloatVector x) {
    FloatVector shifted = x.fma(FloatVector.broadcast(Lanes.FLOATS, LOG2_E), ROUNDER_VECTOR);
    FloatVector n = shifted.sub(ROUNDER);
    FloatVector r = n.fma(MINUS_LN2_HIGH, x);
    r = n.fma(MINUS_LN2_LOW, r);
    FloatVector p = FloatVector.broadcast(Lanes.FLOATS, 1f / 5040);
    p = p.fma(r, C6);
    p = p.fma(r, C5);
    p = p.fma(r, C4);
    p = p.fma(r, C3);
    p = p.fma(r, C2);
    p = p.fma(r, C1);
    p = p.fma(r, C1);
    FloatVector power =
        shifted
            .reinterpretAsInts()
            .add(127 - 0x4B400000)
            .lanewise(VectorOperators.LSHL, 23)
            .reinterpretAsFloats();
    return p.mul(power).blend(0f, x.compare(VectorOperators.LT, SMALLEST));
  }

  private static final FloatVector ROUNDER_VECTOR = FloatVector.broadcast(Lanes.FLOATS, ROUNDER);
  private static final FloatVector MINUS_LN2_HIGH = FloatVector.broadcast(Lanes.FLOATS, -LN2_HIGH);
  private static final FloatVector MINUS_LN2_LOW = FloatVector.broadcast(Lanes.FLOATS, -LN2_LOW);
  private static final FloatVector C6 = FloatVector.broadcast(Lanes.FLOATS, 1f / 720);
  private static final FloatVector C5 = FloatVector.broadcast(Lanes.FLOATS, 1f / 120);
  private static final FloatVector C4 = FloatVector.broadcast(Lanes.FLOATS, 1f / 24);
  private static final FloatVector C3 = FloatVector.broadcast(Lanes.FLOATS, 1f / 6);
  private static final FloatVector C2 = FloatVector.broadcast(Lanes.FLOATS, 0.5f);
  private static final FloatVector C1 = FloatVector.broadcast(Lanes.FLOATS, 1f);

  /** σ(x) = 1 / (1 + e^-x). */
  static FloatVector sigmoid(FloatVector x) {
    return C1.div(exp(x.neg()).add(C1));
  }
}
