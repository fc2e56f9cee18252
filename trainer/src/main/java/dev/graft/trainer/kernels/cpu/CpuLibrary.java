package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.blas.BlasProducts;
import dev.graft.trainer.kernels.onednn.MatrixProducts;
import dev.graft.trainer.kernels.products.ProductLibrary;
import dev.graft.trainer.tensor.ElementType;
import java.util.Locale;

/** Which library multiplies on the CPU. */
public enum CpuLibrary {
  /** oneDNN where it can be loaded and is fast, OpenBLAS elsewhere. */
  AUTO,
  ONEDNN,
  OPENBLAS;

  /** {@code -Dgraft.products=openblas} in {@code GRAFT_JAVA_OPTIONS} chooses for a process. */
  public static final String PROPERTY = "graft.products";

  /**
   * An open library.
   *
   * @param products the caller closes it
   * @param reason why it is not oneDNN, for a person; empty if it is
   */
  record Choice(ProductLibrary products, String reason) {}

  /**
   * What {@link #PROPERTY} says, {@link #AUTO} if nothing.
   *
   * @throws IllegalArgumentException if it is no library's name
   */
  public static CpuLibrary ofProcess() {
    return valueOf(System.getProperty(PROPERTY, AUTO.name()).toUpperCase(Locale.ROOT));
  }

  Choice open() {
    return switch (this) {
      case ONEDNN -> new Choice(new MatrixProducts(), "");
      case OPENBLAS ->
          new Choice(new BlasProducts(), "OpenBLAS because %s says so".formatted(PROPERTY));
      case AUTO -> best();
    };
  }

  private static Choice best() {
    try {
      MatrixProducts products = new MatrixProducts();
      if (products.supports(ElementType.F32, ElementType.F32, ElementType.F32)) {
        return new Choice(products, "");
      }
      products.close();
      return new Choice(
          new BlasProducts(), "OpenBLAS because oneDNN has no fast code for this processor");
    } catch (LinkageError e) {
      return new Choice(
          new BlasProducts(), "OpenBLAS because oneDNN cannot be loaded here: " + e.getMessage());
    }
  }
}
