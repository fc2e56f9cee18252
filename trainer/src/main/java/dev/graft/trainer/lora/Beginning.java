package dev.graft.trainer.lora;

/** How a new adapter begins. However it does, at first it changes nothing. */
public sealed interface Beginning {

  /** A random, B zero, as PEFT does it by default. */
  record Random() implements Beginning {}

  /**
   * PiSSA (Meng et al. 2024): A and B are the principal components of the weight, what is trained
   * is how they change, and the rest of the weight is frozen.
   *
   * @param iterations of the power method that finds them; the more, the more exactly
   */
  record PrincipalComponents(int iterations) implements Beginning {
    public PrincipalComponents {
      if (iterations < 0) {
        throw new IllegalArgumentException(iterations + " iterations");
      }
    }
  }

  /** Whether the difference to the beginning is what the model computes with. */
  default boolean learnsDifference() {
    return switch (this) {
      case Random() -> false;
      case PrincipalComponents _ -> true;
    };
  }
}
