package dev.graft.modelio;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HalfsTest {
  /** The value by the definition of the formats, in double. */
  private static double value(int bits, int exponentBits, int mantissaBits) {
    int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1);
    int mantissa = bits & ((1 << mantissaBits) - 1);
    int bias = (1 << (exponentBits - 1)) - 1;
    double sign = bits >> 15 == 0 ? 1 : -1;
    if (exponent == (1 << exponentBits) - 1) {
      return mantissa == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
    }
    double fraction = mantissa / (double) (1 << mantissaBits);
    return exponent == 0
        ? sign * fraction * Math.pow(2, 1 - bias)
        : sign * (1 + fraction) * Math.pow(2, exponent - bias);
  }

  @Test
  void everyOneOfThe65536ValuesIsWidenedExactlyAndComesBack() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float bf16 = Halfs.bf16ToFloat((short) bits);
      float f16 = Halfs.f16ToFloat((short) bits);
      assertSame(bits, bf16, value(bits, 8, 7));
      assertSame(bits, f16, value(bits, 5, 10));
      if (!Float.isNaN(bf16)) {
        assertThat(Halfs.floatToBf16(bf16)).isEqualTo((short) bits);
      } else {
        assertThat(Halfs.bf16ToFloat(Halfs.floatToBf16(bf16))).isNaN();
      }
      if (!Float.isNaN(f16)) {
        assertThat(Halfs.floatToF16(f16)).isEqualTo((short) bits);
      } else {
        assertThat(Halfs.f16ToFloat(Halfs.floatToF16(f16))).isNaN();
      }
    }
  }

  private static void assertSame(int bits, float found, double expected) {
    if (Double.compare(found, expected) != 0) {
      throw new AssertionError("bits %04x: %s, expected %s".formatted(bits, found, expected));
    }
  }

  /** Between every two neighbours: the middle goes to the even one, its sides to the nearer. */
  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void roundsToNearestTiesToEven(DType type) {
    int infinity = type == DType.F16 ? 0x7c00 : 0x7f80;
    for (int bits = 0; bits < infinity; bits++) {
      double low = value(bits, type == DType.F16 ? 5 : 8, type == DType.F16 ? 10 : 7);
      double high =
          bits + 1 == infinity
              ? (type == DType.F16 ? 65536 : Math.pow(2, 128))
              : value(bits + 1, type == DType.F16 ? 5 : 8, type == DType.F16 ? 10 : 7);
      float middle = (float) ((low + high) / 2);
      short even = (short) (bits % 2 == 0 ? bits : bits + 1);
      assertNarrowed(type, middle, even);
      assertNarrowed(type, Math.nextDown(middle), (short) bits);
      assertNarrowed(type, Math.nextUp(middle), (short) (bits + 1));
      assertNarrowed(type, -middle, (short) (even | 0x8000));
    }
  }

  private static void assertNarrowed(DType type, float value, short expected) {
    short found = type == DType.F16 ? Halfs.floatToF16(value) : Halfs.floatToBf16(value);
    if (found != expected) {
      throw new AssertionError(
          "%s of %s: %04x, expected %04x"
              .formatted(type, value, found & 0xffff, expected & 0xffff));
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, 0", "F32, 3", "F16, 0", "F16, 1", "BF16, 0", "BF16, 5"})
  void segmentsAreReadAndWrittenAtAnyAlignment(DType type, int offset) {
    float[] values = {0, -0f, 1.5f, -2.25f, 1e30f, Float.NaN, 3.1415927f};
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(64).asSlice(offset);
      Halfs.fromFloats(values, segment, type, 1, values.length);
      float[] back = Halfs.toFloats(segment.asSlice(type.bytes()), type, values.length);
      for (int i = 0; i < values.length; i++) {
        float expected =
            switch (type) {
              case F16 -> Halfs.f16ToFloat(Halfs.floatToF16(values[i]));
              case BF16 -> Halfs.bf16ToFloat(Halfs.floatToBf16(values[i]));
              default -> values[i];
            };
        assertThat(Float.compare(back[i], expected)).as("%s", values[i]).isZero();
      }
    }
  }
}
