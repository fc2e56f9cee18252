package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.tensor.ElementType;

/** Element types in the names of kernels. */
final class Types {

  private Types() {}

  static String suffix(ElementType type) {
    return switch (type) {
      case F32, I32 -> "f32"; // where 32 bits are only moved
      case BF16 -> "bf16";
      case F16 -> "f16";
    };
  }

  static String suffixes(ElementType one, ElementType other) {
    return suffix(one) + "_" + suffix(other);
  }
}
