package dev.graft.modelio.gguf;

import java.util.Optional;

/** The types of GGUF metadata, in the order of their codes in the file. */
public enum GgufValueType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(8),
  ARRAY(12),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private final int leastBytes;

  GgufValueType(int leastBytes) {
    this.leastBytes = leastBytes;
  }

  /** The number that stands for it in a file. */
  @SuppressWarnings("EnumOrdinal") // the format numbers them in this order
  public int code() {
    return ordinal();
  }

  /** Bytes of a value; of a string or an array, those of an empty one. */
  public int leastBytes() {
    return leastBytes;
  }

  /** Whether it is an integer. */
  public boolean isWhole() {
    return switch (this) {
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
      case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
    };
  }

  /** The type with this code, if there is one. */
  public static Optional<GgufValueType> ofCode(int code) {
    return code >= 0 && code < values().length ? Optional.of(values()[code]) : Optional.empty();
  }
}
