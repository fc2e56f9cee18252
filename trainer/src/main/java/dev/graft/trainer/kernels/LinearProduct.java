package dev.graft.trainer.kernels;

/** The products {@code C = A B} of a linear layer, by which of their operands are transposed. */
public enum LinearProduct {
  /** {@code y = x Wᵀ}. */
  FORWARD(false, true),
  /** {@code dx = dy W}. */
  BACKWARD_INPUT(false, false),
  /** {@code dW = dyᵀ x}. */
  BACKWARD_WEIGHT(true, false);

  private final boolean transposesA;
  private final boolean transposesB;

  LinearProduct(boolean transposesA, boolean transposesB) {
    this.transposesA = transposesA;
    this.transposesB = transposesB;
  }

  /** Whether A is the first operand's transpose. */
  public boolean transposesA() {
    return transposesA;
  }

  /** Whether B is the second operand's transpose. */
  public boolean transposesB() {
    return transposesB;
  }
}
