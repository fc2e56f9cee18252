package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelIoException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The element types that a GGUF tensor may have, by the codes and block layouts of ggml. Rows are
 * made of whole blocks. graft writes and computes with {@link #F32}, {@link #F16}, {@link #BF16}
 * and {@link #Q8_0}; of the others it knows the size, so that files with them can be looked into.
 */
public enum GgmlType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q8_1(9, 32, 36),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  IQ2_XXS(16, 256, 66),
  IQ2_XS(17, 256, 74),
  IQ3_XXS(18, 256, 98),
  IQ1_S(19, 256, 50),
  IQ4_NL(20, 32, 18),
  IQ3_S(21, 256, 110),
  IQ2_S(22, 256, 82),
  IQ4_XS(23, 256, 136),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4),
  I64(27, 1, 8),
  F64(28, 1, 8),
  IQ1_M(29, 256, 56),
  BF16(30, 1, 2),
  TQ1_0(34, 256, 54),
  TQ2_0(35, 256, 66),
  MXFP4(39, 32, 17);

  private final int code;
  private final int blockElements;
  private final int blockBytes;

  GgmlType(int code, int blockElements, int blockBytes) {
    this.code = code;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /** The number that stands for it in a file. */
  public int code() {
    return code;
  }

  /** Elements that are stored together. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes of one block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Whether rows of so many elements can be stored in this type. */
  public boolean fits(long columns) {
    return columns % blockElements == 0;
  }

  /** Bytes of {@code elements} elements, a multiple of the block. */
  public long bytes(long elements) {
    return Math.multiplyExact(elements / blockElements, blockBytes);
  }

  /** Whether graft can compute with tensors of this type. */
  public boolean isWeight() {
    return switch (this) {
      case F32, F16, BF16, Q8_0 -> true;
      default -> false;
    };
  }

  /**
   * The {@code general.file_type} of a model whose matrices have this type (llama.cpp's enum
   * llama_ftype).
   *
   * @throws IllegalArgumentException for types that graft does not write
   */
  public int fileType() {
    return switch (this) {
      case F32 -> 0;
      case F16 -> 1;
      case Q8_0 -> 7;
      case BF16 -> 32;
      default -> throw new IllegalArgumentException("graft writes no " + this);
    };
  }

  /** The type's name as llama.cpp's tools write it: {@code q8_0}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The type with this code, if it is known. */
  public static Optional<GgmlType> ofCode(int code) {
    return Arrays.stream(values()).filter(type -> type.code == code).findFirst();
  }

  /**
   * The type that a user named, among those that graft writes.
   *
   * @throws ModelIoException naming the choices
   */
  public static GgmlType parse(String name) {
    return Arrays.stream(values())
        .filter(type -> type.isWeight() && type.label().equalsIgnoreCase(name.strip()))
        .findFirst()
        .orElseThrow(() ->
            new ModelIoException(
                "There is no GGUF type \"%s\" to write; f32, f16, bf16 and q8_0 are there."
                    .formatted(name)));
  }
}
