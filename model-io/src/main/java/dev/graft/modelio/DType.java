package dev.graft.modelio;

import java.util.Optional;

/**
 * The data types a safetensors file may hold, by the names that the format gives them. All are
 * little-endian. Only {@link #F32}, {@link #F16} and {@link #BF16} are used as weights; the others
 * can be present in a file and are refused by name when something wants to compute with them.
 */
public enum DType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U64(8),
  U32(4),
  U16(2),
  U8(1),
  BOOL(1),
  F8_E4M3(1),
  F8_E5M2(1),
  F8_E8M0(1),
  C64(8);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  /** Whether graft can compute with weights of this type. */
  public boolean isWeight() {
    return this == F32 || this == F16 || this == BF16;
  }

  /**
   * Refuses types that are not {@linkplain #isWeight() usable as weights}.
   *
   * @param what names the tensor and its file in the error
   * @return this
   */
  public DType requireWeight(String what) {
    if (!isWeight()) {
      throw new ModelIoException(
          what
              + " is stored as "
              + this
              + "; graft computes with F32, F16 and BF16 weights only. Use a checkpoint in one of"
              + " these.");
    }
    return this;
  }

  /** The type with this safetensors name ({@code "BF16"}), if graft knows it. */
  public static Optional<DType> ofName(String name) {
    for (DType type : values()) {
      if (type.name().equals(name)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  /**
   * The weight type with this torch name, as config.json spells it: {@code float32}, {@code
   * float16} or {@code bfloat16}, with or without {@code torch.} in front.
   */
  public static Optional<DType> ofTorchName(String name) {
    String bare = name.startsWith("torch.") ? name.substring("torch.".length()) : name;
    return switch (bare) {
      case "float32", "float" -> Optional.of(F32);
      case "float16", "half" -> Optional.of(F16);
      case "bfloat16" -> Optional.of(BF16);
      default -> Optional.empty();
    };
  }

  /** The torch name of a weight type, as config.json spells it. */
  public String torchName() {
    return switch (requireWeight("A tensor")) {
      case F32 -> "float32";
      case F16 -> "float16";
      default -> "bfloat16";
    };
  }
}
