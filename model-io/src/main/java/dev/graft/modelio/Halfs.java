package dev.graft.modelio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Conversions between float32 and the two 16-bit float types, as bits. Widening is exact; narrowing
 * rounds to nearest, ties to even, keeps infinities, and turns every NaN into a quiet NaN of the
 * same sign.
 *
 * <p>These are for adapters, files and tests. Hot loops over base weights belong to the kernels.
 */
public final class Halfs {
  // Offsets in a safetensors file need not be multiples of the element size.
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Halfs() {}

  /** The value of bfloat16 bits: they are the upper half of the float's. */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The bfloat16 nearest to {@code value}, ties to even. Too large becomes infinite. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
      // Rounding could carry a NaN's payload into infinity or the sign; the quiet bit keeps it NaN.
      return (short) ((bits >>> 16) | 0x0040);
    }
    int half = 0x7fff + ((bits >>> 16) & 1);
    return (short) ((bits + half) >>> 16);
  }

  /** The value of IEEE binary16 bits. */
  public static float f16ToFloat(short bits) {
    return Float.float16ToFloat(bits);
  }

  /** The binary16 nearest to {@code value}, ties to even. Too large becomes infinite. */
  public static short floatToF16(float value) {
    return Float.floatToFloat16(value);
  }

  /**
   * Reads {@code count} elements as floats.
   *
   * @param source little-endian elements of {@code type}, any alignment
   * @param type F32, F16 or BF16
   */
  public static float[] toFloats(MemorySegment source, DType type, int count) {
    float[] floats = new float[count];
    switch (type) {
      case F32 -> MemorySegment.copy(source, FLOAT, 0, floats, 0, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          floats[i] = f16ToFloat(source.get(SHORT, 2L * i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          floats[i] = bf16ToFloat(source.get(SHORT, 2L * i));
        }
      }
      default -> type.requireWeight("A tensor");
    }
    return floats;
  }

  /**
   * Writes floats as elements of {@code type}, each rounded once.
   *
   * @param target room for {@code count} elements from {@code elementOffset} on, any alignment
   * @param type F32, F16 or BF16
   */
  public static void fromFloats(
      float[] floats, MemorySegment target, DType type, long elementOffset, int count) {
    switch (type) {
      case F32 -> MemorySegment.copy(floats, 0, target, FLOAT, 4L * elementOffset, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target.set(SHORT, 2 * (elementOffset + i), floatToF16(floats[i]));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          target.set(SHORT, 2 * (elementOffset + i), floatToBf16(floats[i]));
        }
      }
      default -> type.requireWeight("A tensor");
    }
  }
}
