package dev.graft.modelio.gguf;

import dev.graft.modelio.DType;
import dev.graft.modelio.rows.RowEncoding;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Stores rows in the types that graft writes. */
final class GgmlEncoding {
  private GgmlEncoding() {}

  static RowEncoding of(GgmlType type) {
    return switch (type) {
      case F32 -> RowEncoding.of(DType.F32);
      case F16 -> RowEncoding.of(DType.F16);
      case BF16 -> RowEncoding.of(DType.BF16);
      case Q8_0 -> new Q8();
      default -> throw new IllegalArgumentException("graft writes no " + type);
    };
  }

  /**
   * Q8_0: for each 32 elements a scale {@code d = max|x| / 127}, rounded to f16, and 32 signed
   * bytes {@code round(x / d)}. As in ggml the bytes are found with the scale before it is rounded,
   * halves away from zero, so that files come out the same to the bit.
   */
  private static final class Q8 implements RowEncoding {
    private static final int BLOCK = 32;
    private static final int BYTES = 2 + BLOCK;
    private static final int LARGEST = 127;
    private static final ValueLayout.OfShort SHORT =
        ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public long rowBytes(int columns) {
      return (long) columns / BLOCK * BYTES;
    }

    @Override
    public void encode(float[] row, MemorySegment target) {
      for (int block = 0; block < row.length / BLOCK; block++) {
        float largest = 0;
        for (int i = 0; i < BLOCK; i++) {
          largest = Math.max(largest, Math.abs(row[block * BLOCK + i]));
        }
        float scale = largest / LARGEST;
        float inverse = scale == 0 ? 0 : 1 / scale;
        long at = (long) block * BYTES;
        target.set(SHORT, at, Float.floatToFloat16(scale));
        for (int i = 0; i < BLOCK; i++) {
          float scaled = row[block * BLOCK + i] * inverse;
          int nearest = (int) (Math.signum(scaled) * Math.floor(Math.abs((double) scaled) + 0.5));
          target.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) nearest);
        }
      }
    }

    @Override
    public float[] decode(MemorySegment stored, int columns) {
      float[] row = new float[columns];
      for (int i = 0; i < columns; i++) {
        long at = (long) (i / BLOCK) * BYTES;
        float scale = Float.float16ToFloat(stored.get(SHORT, at));
        row[i] = scale * stored.get(ValueLayout.JAVA_BYTE, at + 2 + i % BLOCK);
      }
      return row;
    }
  }
}
