package dev.graft.modelio.gguf;

import java.util.List;

/** A value of a GGUF file's metadata. */
public sealed interface GgufValue {
  /** True or false, one byte. */
  record Flag(boolean value) implements GgufValue {}

  /**
   * An integer.
   *
   * @param value unsigned 64-bit numbers above {@link Long#MAX_VALUE} appear negative
   */
  record Whole(GgufValueType type, long value) implements GgufValue {
    public Whole {
      requireType(type.isWhole(), type);
    }
  }

  /** A floating-point number; a {@code FLOAT32} has been widened exactly. */
  record Real(GgufValueType type, double value) implements GgufValue {
    public Real {
      requireType(type == GgufValueType.FLOAT32 || type == GgufValueType.FLOAT64, type);
    }
  }

  /** UTF-8 text. */
  record Text(String value) implements GgufValue {}

  /** Values of one type, which is not itself an array. */
  record Array(GgufValueType elementType, List<GgufValue> values) implements GgufValue {
    public Array {
      requireType(elementType != GgufValueType.ARRAY, elementType);
      values = List.copyOf(values);
    }
  }

  /** An unsigned 32-bit number, which most of llama.cpp's keys are. */
  static GgufValue of(int value) {
    return new Whole(GgufValueType.UINT32, value);
  }

  /** A 32-bit float: rounded once. */
  static GgufValue of(double value) {
    return new Real(GgufValueType.FLOAT32, (float) value);
  }

  static GgufValue of(boolean value) {
    return new Flag(value);
  }

  static GgufValue of(String value) {
    return new Text(value);
  }

  /** An array of texts. */
  static GgufValue texts(List<String> values) {
    return new Array(GgufValueType.STRING, values.stream().map(GgufValue::of).toList());
  }

  private static void requireType(boolean holds, GgufValueType type) {
    if (!holds) {
      throw new IllegalArgumentException("not a type for this kind of value: " + type);
    }
  }
}
