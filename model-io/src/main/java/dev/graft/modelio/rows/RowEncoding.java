package dev.graft.modelio.rows;

import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import java.lang.foreign.MemorySegment;

/** How a row of floats is stored. */
public interface RowEncoding {
  /** Bytes of a row of so many elements. */
  long rowBytes(int columns);

  /** Stores a row, each element rounded once. */
  void encode(float[] row, MemorySegment target);

  /** The values that {@link #encode} has left there. */
  float[] decode(MemorySegment stored, int columns);

  /** F32, F16 or BF16, element by element. */
  static RowEncoding of(DType type) {
    type.requireWeight("A tensor to be written");
    return new RowEncoding() {
      @Override
      public long rowBytes(int columns) {
        return (long) columns * type.bytes();
      }

      @Override
      public void encode(float[] row, MemorySegment target) {
        Halfs.fromFloats(row, target, type, 0, row.length);
      }

      @Override
      public float[] decode(MemorySegment stored, int columns) {
        return Halfs.toFloats(stored, type, columns);
      }
    };
  }
}
