package dev.graft.modelio;

/**
 * A model's configuration and weights, by Hugging Face's names and in its layout, whatever file
 * they come from.
 */
public interface ModelWeights {
  /** What changes the computation. */
  ModelConfig config();

  /**
   * A weight where it lies, read-only.
   *
   * @param name as {@link TensorNames} gives it
   * @throws ModelIoException if there is no such tensor
   */
  TensorView tensor(String name);
}
