package dev.graft.trainer.generate;

/**
 * One of many texts to be continued.
 *
 * @param ids at least one token
 * @param maxTokens at most so many new ones, at least 1
 * @param seed of this prompt's own draws: the same seed, prompt and model give the same text,
 *     whatever else is generated beside it
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
public record Prompt(int[] ids, int maxTokens, long seed) {

  public Prompt {
    if (ids.length < 1 || maxTokens < 1) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens, to be continued by %d".formatted(ids.length, maxTokens));
    }
  }

  /** Tokens that it and its continuation can have together. */
  public int room() {
    return Math.addExact(ids.length, maxTokens);
  }
}
