package dev.graft.trainer.kernels.vector;

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

  /** The bits of the bfloat16 nearest to a float, ties to even; a NaN stays one, quiet. */
  public static short toBrainFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits | 0x400000) >>> 16);
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Converts a run of elements. */
  public static void convert(ElementType from, long source, ElementType to, long target, int n) {
    if (from == to) {
      Memory.copy(source, target, (long) n * from.bytes());
      return;
    }
    int i = 0;
    if (to != ElementType.F16) {
      for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
        Lanes.store(
            to, target + (long) i * to.bytes(), Lanes.load(from, source + (long) i * from.bytes()));
      }
    }
    for (; i < n; i++) {
      put(to, target + (long) i * to.bytes(), get(from, source + (long) i * from.bytes()));
    }
  }
}
