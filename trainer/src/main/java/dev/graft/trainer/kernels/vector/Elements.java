package dev.graft.trainer.kernels.vector;

import static dev.graft.trainer.kernels.host.Memory.ALL;
import static dev.graft.trainer.kernels.vector.Lanes.FLOATS;
import static dev.graft.trainer.kernels.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.tensor.ElementType;

/** Single numbers from and to memory, and the roundings between types. */
public final class Elements {

  private Elements() {}

  /** Reads one number. */
  public static float get(ElementType type, long address) {
    return switch (type) {
      case F32 -> Memory.getFloat(address);
      case BF16 -> Float.intBitsToFloat(Memory.getShort(address) << 16);
      case F16 -> Float.float16ToFloat(Memory.getShort(address));
      case I32 -> Memory.getInt(address);
    };
  }

  /** Writes one number, rounded to nearest, ties to even. */
  public static void put(ElementType type, long address, float value) {
    switch (type) {
      case F32 -> Memory.putFloat(address, value);
      case BF16 -> Memory.putShort(address, toBrainFloat(value));
      case F16 -> Memory.putShort(address, Float.floatToFloat16(value));
      case I32 -> Memory.putInt(address, (int) value);
    }
  }

  /** The bits of the bfloat16 nearest to a float, ties to even; every NaN becomes 0x7FC0. */
  public static short toBrainFloat(float value) {
    if (Float.isNaN(value)) {
      return 0x7FC0;
    }
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Converts a run of elements; {@code source} and {@code target} do not overlap. */
  public static void convert(ElementType from, long source, ElementType to, long target, int n) {
    if (from == to) {
      Memory.copy(source, target, (long) n * from.bytes());
    } else if (to == ElementType.F32) {
      widen(from, source, target, n);
    } else if (from == ElementType.F32 && to == ElementType.BF16) {
      narrow(source, target, n);
    } else {
      convertSingly(from, source, to, target, 0, n);
    }
  }

  private static void convertSingly(
      ElementType from, long source, ElementType to, long target, int first, int n) {
    for (int i = first; i < n; i++) {
      put(to, target + (long) i * to.bytes(), get(from, source + (long) i * from.bytes()));
    }
  }

  /** A run of any floating-point type to float32. */
  static void widen(ElementType from, long source, long target, int n) {
    switch (from) {
      case F32 -> Memory.copy(source, target, 4L * n);
      case BF16 -> widenBrain(source, target, n);
      case F16 -> widenHalf(source, target, n);
      case I32 -> convertSingly(from, source, ElementType.F32, target, 0, n);
    }
  }

  /** A run in float32: where it lies, or widened into {@code wide}. */
  static long widened(ElementType type, long run, long wide, int n) {
    if (type == ElementType.F32) {
      return run;
    }
    widen(type, run, wide, n);
    return wide;
  }

  private static void widenBrain(long source, long target, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.loadBrain(source + 2L * i).intoMemorySegment(ALL, target + 4L * i, ORDER);
    }
    convertSingly(ElementType.BF16, source, ElementType.F32, target, i, n);
  }

  private static void widenHalf(long source, long target, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.loadHalf(source + 2L * i).intoMemorySegment(ALL, target + 4L * i, ORDER);
    }
    convertSingly(ElementType.F16, source, ElementType.F32, target, i, n);
  }

  /** A run of float32 to bfloat16. */
  static void narrow(long source, long target, int n) {
    int i = 0;
    for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.storeBrain(target + 2L * i, fromMemorySegment(FLOATS, ALL, source + 4L * i, ORDER));
    }
    convertSingly(ElementType.F32, source, ElementType.BF16, target, i, n);
  }
}
