package dev.graft.trainer.kernels.vector;

import dev.graft.trainer.kernels.host.Memory;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Float vectors from and to memory.
 *
 * <p>There is no load that takes an element type: where a loop chooses between loads, the compiler
 * no longer keeps vectors in registers and every step allocates. Loops are written for float32, and
 * for bfloat16 beside it where that saves a pass over memory.
 *
 * <p>How not to make garbage: a vector handed to a call that the compiler does not inline is an
 * object. It inlines methods of ours only until it has made 18,000 nodes of the method it compiles
 * and of all that it has inlined there (some 500 for a vector operation), and only where they are
 * called often. The JDK's vector methods are exempt. So loops use the JDK's loads and stores, never
 * helpers of ours, which is why {@link #FLOATS} and {@link #ORDER} are here; and no vector is an
 * argument of a call on a path that is taken rarely, like the end of a row.
 */
final class Lanes {

  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

  /** As many shorts as there are floats in a vector. */
  static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

  /** Floats in a vector. */
  static final int COUNT = FLOATS.length();

  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private Lanes() {}

  private static IntVector loadShorts(long address) {
    return (IntVector)
        ShortVector.fromMemorySegment(SHORTS, Memory.ALL, address, ORDER)
            .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
  }

  /** A vector of bfloat16 numbers, widened. */
  static FloatVector loadBrain(long address) {
    return loadShorts(address).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /** A vector of 32-bit words. */
  static IntVector loadInts(long address) {
    return IntVector.fromMemorySegment(INTS, Memory.ALL, address, ORDER);
  }

  /** The bfloat16 numbers of even index in words that hold two each, widened. */
  static FloatVector evenBrain(IntVector pairs) {
    return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /** Those of odd index. */
  static FloatVector oddBrain(IntVector pairs) {
    return pairs.and(0xFFFF0000).reinterpretAsFloats();
  }

  /** A vector of float16 numbers, widened. */
  static FloatVector loadHalf(long address) {
    IntVector half = loadShorts(address);
    IntVector sign = half.and(0x8000).lanewise(VectorOperators.LSHL, 16);
    IntVector magnitude = half.and(0x7FFF).lanewise(VectorOperators.LSHL, 13);
    // Multiplying by 2^112 moves the exponent's bias from 15 to 127 and normalises subnormals.
    IntVector scaled = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
    VectorMask<Integer> notFinite = magnitude.compare(VectorOperators.GE, 0x7C00 << 13);
    return scaled.blend(magnitude.or(0x7F800000), notFinite).or(sign).reinterpretAsFloats();
  }

  /** Rounds to bfloat16: to nearest, ties to even, every NaN to the same quiet one. */
  static void storeBrain(long address, FloatVector v) {
    // Rounding up would turn some NaNs into an infinity or a zero.
    FloatVector safe = v.blend(Float.NaN, v.compare(VectorOperators.NE, v));
    IntVector bits = safe.reinterpretAsInts();
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    IntVector rounded = bits.add(0x7FFF).add(odd).lanewise(VectorOperators.LSHR, 16);
    ((ShortVector) rounded.convertShape(VectorOperators.I2S, SHORTS, 0))
        .intoMemorySegment(Memory.ALL, address, ORDER);
  }

  /** Copies the last {@code count} floats of a row to {@code tail}, and fills up a vector there. */
  static void pad(long address, int count, float fill, long tail) {
    for (int i = 0; i < COUNT; i++) {
      Memory.putFloat(tail + 4L * i, i < count ? Memory.getFloat(address + 4L * i) : fill);
    }
  }

  /** The sum of a vector in memory, always in the same order. */
  static float sum(long vector) {
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    // A vector holds 4, 8 or 16 floats.
    for (int i = 0; i < COUNT; i += 4) {
      sum0 += Memory.getFloat(vector + 4L * i);
      sum1 += Memory.getFloat(vector + 4L * i + 4);
      sum2 += Memory.getFloat(vector + 4L * i + 8);
      sum3 += Memory.getFloat(vector + 4L * i + 12);
    }
    return (sum0 + sum2) + (sum1 + sum3);
  }

  /** The larger of each pair of lanes; a NaN in {@code b} is passed over. */
  static FloatVector max(FloatVector a, FloatVector b) {
    // Half as many instructions as FloatVector.max, which has to get NaN and -0 right.
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }
}
