package dev.graft.trainer.kernels;

import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

/**
 * Checks of operands. Loops and oneDNN trust what they are given, so each operation looks at the
 * shapes and types of its tensors first.
 */
public final class Expect {

  private Expect() {}

  public static void shape(String name, Tensor tensor, int rows, int columns) {
    if (tensor.rows() != rows || tensor.columns() != columns) {
      throw new IllegalArgumentException(
          "%s is %s, not (%d, %d)".formatted(name, tensor, rows, columns));
    }
  }

  /** A tensor of the same shape as another. */
  public static void same(String name, Tensor tensor, Tensor as) {
    shape(name, tensor, as.rows(), as.columns());
  }

  public static void type(String name, Tensor tensor, ElementType type) {
    if (tensor.type() != type) {
      throw new IllegalArgumentException("%s is %s, not %s".formatted(name, tensor, type));
    }
  }

  public static void type(String name, Tensor tensor, ElementType one, ElementType other) {
    if (tensor.type() != one && tensor.type() != other) {
      throw new IllegalArgumentException(
          "%s is %s, neither %s nor %s".formatted(name, tensor, one, other));
    }
  }

  public static void floating(String name, Tensor tensor) {
    if (tensor.type() == ElementType.I32) {
      throw new IllegalArgumentException(name + " holds integers: " + tensor);
    }
  }

  /** A (1, count) tensor. */
  public static void vector(String name, Tensor tensor, ElementType type, int count) {
    type(name, tensor, type);
    shape(name, tensor, 1, count);
  }
}
