package dev.graft.trainer.model;

/**
 * A run of a {@link Trainable}'s vector whose numbers are of one kind, so that an optimizer can
 * treat them in their own way.
 *
 * @param kind what they are
 * @param from index of the first
 * @param length how many, at least 1
 */
public record ParameterGroup(Kind kind, long from, long length) {

  /** What trainable numbers can be. */
  public enum Kind {
    /** LoRA's A, (rank, in). */
    LORA_A,
    /** LoRA's B, (out, rank). */
    LORA_B,
    /** The lengths of a weight's rows, learned apart from their directions. */
    MAGNITUDE,
    /** Weights of linear layers, the output projection included. */
    WEIGHT,
    /** The table of token embeddings; the output projection as well, where the two are tied. */
    EMBEDDING,
    /** Weights of RMSNorms. */
    NORM;

    /**
     * Whether weight decay applies: a norm's weights are scales around one, which would be pulled
     * to a model that outputs nothing (Hugging Face's Trainer leaves them out alike).
     */
    public boolean decays() {
      return this != NORM;
    }
  }

  public ParameterGroup {
    if (from < 0 || length < 1) {
      throw new IllegalArgumentException("%d numbers from %d".formatted(length, from));
    }
  }

  /** Index behind the last. */
  public long to() {
    return from + length;
  }
}
