package dev.graft.trainer.kernels.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.tensor.ElementType;
import java.lang.foreign.Arena;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class ElementsTest {

  private static final int ALL = 1 << 16;

  @Test
  void widensEveryBrainFloat() {
    checkEveryShort(ElementType.BF16, bits -> Float.intBitsToFloat(bits << 16));
  }

  @Test
  void widensEveryHalf() {
    checkEveryShort(ElementType.F16, bits -> Float.float16ToFloat((short) bits));
  }

  private static void checkEveryShort(ElementType type, IntFunction<Float> definition) {
    try (Arena arena = Arena.ofConfined()) {
      // One more than a multiple of any vector, so that the tail is walked, too.
      int n = ALL + 1;
      long source = arena.allocate(2L * n).address();
      long target = arena.allocate(4L * n).address();
      for (int i = 0; i < n; i++) {
        Memory.putShort(source + 2L * i, (short) i);
      }
      Elements.convert(type, source, ElementType.F32, target, n);
      for (int i = 0; i < n; i++) {
        float expected = definition.apply(i & 0xFFFF);
        float actual = Memory.getFloat(target + 4L * i);
        if (Float.isNaN(expected)) {
          assertThat(actual).isNaN();
        } else {
          assertThat(Float.floatToRawIntBits(actual))
              .as("bits 0x%x", i)
              .isEqualTo(Float.floatToRawIntBits(expected));
        }
      }
    }
  }

  @Test
  void roundsToTheNearestBrainFloatTiesToEven() {
    int[] lowerHalves = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    try (Arena arena = Arena.ofConfined()) {
      int n = ALL * lowerHalves.length + 1;
      long source = arena.allocate(4L * n).address();
      long target = arena.allocate(2L * n).address();
      for (int i = 0; i < n; i++) {
        int bits = ((i / lowerHalves.length) << 16) | lowerHalves[i % lowerHalves.length];
        Memory.putInt(source + 4L * i, bits);
      }
      Elements.convert(ElementType.F32, source, ElementType.BF16, target, n);
      for (int i = 0; i < n; i++) {
        float value = Memory.getFloat(source + 4L * i);
        short vectorised = Memory.getShort(target + 2L * i);
        assertThat(vectorised).as("%s", value).isEqualTo(Elements.toBrainFloat(value));
        checkNearest(value, vectorised);
      }
    }
  }

  private static void checkNearest(float value, short rounded) {
    float result = Float.intBitsToFloat(rounded << 16);
    if (Float.isNaN(value)) {
      assertThat(result).isNaN();
      return;
    }
    short truncated = (short) (Float.floatToRawIntBits(value) >>> 16);
    double below = Math.abs(asIfUnbounded(truncated) - value);
    double above = Math.abs(asIfUnbounded((short) (truncated + 1)) - value);
    boolean up = above < below || (above == below && (truncated & 1) == 1);
    short expected = Float.isInfinite(value) || !up ? truncated : (short) (truncated + 1);
    assertThat(rounded).as("%s", value).isEqualTo(expected);
  }

  /** The number behind the bits, where infinity stands for the power of two that it replaces. */
  private static double asIfUnbounded(short bits) {
    float value = Float.intBitsToFloat(bits << 16);
    return Float.isInfinite(value) ? Math.copySign(0x1p128, value) : value;
  }

  @Test
  void convertsBetweenTheHalves() {
    try (Arena arena = Arena.ofConfined()) {
      long half = arena.allocate(14).address();
      long brain = arena.allocate(14).address();
      float[] values = {0, -1, 1.5f, 65504, 3, -0.125f, 2};
      for (int i = 0; i < values.length; i++) {
        Elements.put(ElementType.F16, half + 2L * i, values[i]);
      }
      Elements.convert(ElementType.F16, half, ElementType.BF16, brain, values.length);
      for (int i = 0; i < values.length; i++) {
        short expected = Elements.toBrainFloat(values[i]);
        assertThat(Memory.getShort(brain + 2L * i)).isEqualTo(expected);
      }
    }
  }
}
