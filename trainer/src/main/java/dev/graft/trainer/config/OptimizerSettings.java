package dev.graft.trainer.config;

/**
 * An optimizer with its constants; those that it does not have are 0.
 *
 * @param epsilon outside of the root, as in the papers
 * @param momentum of SGD; 0 for none
 * @param nesterov whether SGD's momentum looks ahead
 * @param weightDecay λ: each step also takes away {@code learning rate · λ · parameter}
 */
public record OptimizerSettings(
    OptimizerKind kind,
    double beta1,
    double beta2,
    double epsilon,
    double momentum,
    boolean nesterov,
    double weightDecay) {

  /** With the constants that it has where nothing else is said. */
  public static OptimizerSettings of(OptimizerKind kind, double weightDecay) {
    return new OptimizerSettings(
        kind,
        kind.beta1().orElse(0),
        kind.beta2().orElse(0),
        kind.epsilon().orElse(0),
        kind.momentum().orElse(0),
        false,
        weightDecay);
  }
}
