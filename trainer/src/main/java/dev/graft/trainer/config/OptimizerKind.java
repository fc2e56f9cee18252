package dev.graft.trainer.config;

import java.util.OptionalDouble;

/**
 * What makes updates of gradients, and the constants that each uses where nothing else is said:
 * those of the papers, which PyTorch has as well.
 */
public enum OptimizerKind {
  /** Loshchilov and Hutter 2019. */
  ADAMW(some(0.9), some(0.999), some(1e-8), none()),
  /** AdamW with the largest second moment so far (Reddi et al. 2018). */
  AMSGRAD(some(0.9), some(0.999), some(1e-8), none()),
  /** Adam with Nesterov's momentum (Dozat 2016). */
  NADAM(some(0.9), some(0.999), some(1e-8), none()),
  /** Steps by how far the gradient is from what was expected (Zhuang et al. 2020). */
  ADABELIEF(some(0.9), some(0.999), some(1e-16), none()),
  /** Gradients by the root of their mean square (Hinton 2012). */
  RMSPROP(none(), some(0.99), some(1e-8), none()),
  /** Stochastic gradient descent, with momentum. */
  SGD(none(), none(), none(), some(0.9)),
  /** The sign of a momentum (Chen et al. 2023). */
  LION(some(0.9), some(0.99), none(), none());

  private final OptionalDouble beta1;
  private final OptionalDouble beta2;
  private final OptionalDouble epsilon;
  private final OptionalDouble momentum;

  OptimizerKind(
      OptionalDouble beta1, OptionalDouble beta2, OptionalDouble epsilon, OptionalDouble momentum) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.momentum = momentum;
  }

  private static OptionalDouble some(double value) {
    return OptionalDouble.of(value);
  }

  private static OptionalDouble none() {
    return OptionalDouble.empty();
  }

  /**
   * How much of the mean gradient is kept from step to step; absent where there is no such mean.
   */
  public OptionalDouble beta1() {
    return beta1;
  }

  /** How much of the mean square is kept; of Lion's momentum. */
  public OptionalDouble beta2() {
    return beta2;
  }

  /** What keeps a division by a root from being one by zero. */
  public OptionalDouble epsilon() {
    return epsilon;
  }

  /** How much of the velocity is kept. */
  public OptionalDouble momentum() {
    return momentum;
  }
}
