package dev.graft.trainer.kernels.products;

import dev.graft.trainer.tensor.ElementType;
import java.util.OptionalLong;

/** Matrix products {@code C = A B} on this machine's processor. */
public interface ProductLibrary extends AutoCloseable {

  /** The library's name. */
  String name();

  /** The instructions that it uses here, by its own name for them. */
  String instructions();

  /** Whether products of these types have a fast implementation here. */
  boolean supports(ElementType a, ElementType b, ElementType c);

  /**
   * Working memory that a product needs beside its operands, in bytes; nothing is computed.
   *
   * @param shape read, never kept
   * @return empty if there is no fast implementation of it
   */
  OptionalLong scratchBytes(ProductShape shape);

  /**
   * Computes a product and returns when it is done.
   *
   * @param shape read, never kept; m, n and k at least 1
   * @return false if there is no fast implementation of it; nothing was computed then
   */
  boolean multiply(ProductShape shape, long a, long b, long c);

  @Override
  void close();
}
