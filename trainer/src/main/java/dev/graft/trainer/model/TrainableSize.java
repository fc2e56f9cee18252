package dev.graft.trainer.model;

import dev.graft.trainer.tensor.ElementType;

/** What a {@link Trainable} will take, known before it exists. */
public interface TrainableSize {

  /** Trainable numbers. */
  long parameters();

  /** Adapter ranks that the model's buffers have to hold. */
  StackedRanks ranks();

  /** Bytes of the float32 parameters and of the copies that products read, if they are rounded. */
  long parameterBytes(ElementType act);

  /** Bytes of the float32 gradients. */
  default long gradientBytes() {
    return parameters() * Float.BYTES;
  }

  /**
   * Bytes of what the optimizer remembers.
   *
   * @param numbers float32 numbers that it remembers of each parameter
   */
  default long optimizerBytes(int numbers) {
    return numbers * parameters() * Float.BYTES;
  }
}
