package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.onednn.MatrixProducts;
import dev.graft.trainer.tensor.ElementType;

/**
 * What this machine's processor can do, found by asking oneDNN for a bfloat16 product.
 *
 * @param nativeBf16 whether bfloat16 products run at full speed
 * @param instructions the instruction set that oneDNN uses
 * @param reason a sentence for a person: which precision fits this processor, and why
 */
public record CpuFeatures(boolean nativeBf16, String instructions, String reason) {

  /** Asks oneDNN. */
  public static CpuFeatures detect() {
    try (MatrixProducts products = new MatrixProducts()) {
      boolean bf16 = products.supports(ElementType.BF16, ElementType.BF16, ElementType.F32);
      String instructions = products.instructions();
      return new CpuFeatures(bf16, instructions, reason(bf16, instructions));
    }
  }

  private static String reason(boolean bf16, String instructions) {
    return bf16
        ? "bf16: oneDNN multiplies bfloat16 natively here (%s)".formatted(instructions)
        : ("f32: oneDNN has no bfloat16 products for this processor (it found %s; bfloat16 needs"
                + " AVX512_BF16, AMX or AVX2-VNNI-2)")
            .formatted(instructions);
  }

  /** The precision that {@code auto} stands for here. */
  public ElementType activationType() {
    return nativeBf16 ? ElementType.BF16 : ElementType.F32;
  }
}
