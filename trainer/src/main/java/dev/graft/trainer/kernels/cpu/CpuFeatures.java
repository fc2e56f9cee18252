package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.products.ProductLibrary;
import dev.graft.trainer.tensor.ElementType;

/**
 * What this machine's processor can do, found by asking for a bfloat16 product.
 *
 * @param nativeBf16 whether bfloat16 products run at full speed
 * @param instructions the instruction set that the library uses
 * @param reason a sentence for a person: which precision fits this processor, and why
 */
public record CpuFeatures(boolean nativeBf16, String instructions, String reason) {

  /** Asks the library that multiplies here. */
  public static CpuFeatures detect(CpuLibrary library) {
    CpuLibrary.Choice choice = library.open();
    try (ProductLibrary products = choice.products()) {
      boolean bf16 = products.supports(ElementType.BF16, ElementType.BF16, ElementType.F32);
      String instructions = products.instructions();
      return new CpuFeatures(bf16, instructions, reason(bf16, products, choice.reason()));
    }
  }

  private static String reason(boolean bf16, ProductLibrary products, String whyLibrary) {
    if (bf16) {
      return "bf16: %s multiplies bfloat16 natively here (%s)"
          .formatted(products.name(), products.instructions());
    }
    return whyLibrary.isEmpty()
        ? ("f32: oneDNN has no bfloat16 products for this processor (it found %s; bfloat16 needs"
                + " AVX512_BF16, AMX or AVX2-VNNI-2)")
            .formatted(products.instructions())
        : "f32: %s has no bfloat16 products; %s".formatted(products.name(), whyLibrary);
  }

  /** The precision that {@code auto} stands for here. */
  public ElementType activationType() {
    return nativeBf16 ? ElementType.BF16 : ElementType.F32;
  }
}
