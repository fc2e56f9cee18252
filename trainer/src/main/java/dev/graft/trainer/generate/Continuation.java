package dev.graft.trainer.generate;

/**
 * A text that is given, of which the last tokens are to be scored.
 *
 * @param prompt at least one token, which is not scored
 * @param ids at least one token, each of which is
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
public record Continuation(int[] prompt, int[] ids) {

  public Continuation {
    if (prompt.length < 1 || ids.length < 1) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens, continued by %d".formatted(prompt.length, ids.length));
    }
  }

  int length() {
    return prompt.length + ids.length;
  }
}
