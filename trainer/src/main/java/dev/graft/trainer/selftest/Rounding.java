package dev.graft.trainer.selftest;

import dev.graft.trainer.tensor.ElementType;

/** Rounding to nearest, ties to even, by the bits. */
final class Rounding {

  private Rounding() {}

  static float toNearestEven(float value, ElementType type) {
    return switch (type) {
      case F32 -> value;
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BF16 -> {
        int bits = Float.floatToRawIntBits(value);
        int half = 0x7fff + ((bits >>> 16) & 1);
        yield Float.intBitsToFloat((bits + half) & 0xffff0000);
      }
      case I32 -> throw new IllegalArgumentException("integers are not rounded");
    };
  }
}
