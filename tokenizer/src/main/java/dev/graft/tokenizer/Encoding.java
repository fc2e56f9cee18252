package dev.graft.tokenizer;

import java.util.Arrays;

/**
 * Tokens and where they came from.
 *
 * @param ids (T) token ids
 * @param starts (T) the first UTF-16 index of the text that token i stands for
 * @param ends (T) the index after the last one. Several byte tokens may share one character, and a
 *     token that stands for no character (a space put in front by the tokenizer) is empty
 */
@SuppressWarnings("ArrayRecordComponent") // equality by content below; lists would be 5x larger
public record Encoding(int[] ids, int[] starts, int[] ends) {
  public Encoding {
    if (ids.length != starts.length || ids.length != ends.length) {
      throw new IllegalArgumentException(
          ids.length + " ids, " + starts.length + " starts, " + ends.length + " ends");
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Encoding that
        && Arrays.equals(ids, that.ids)
        && Arrays.equals(starts, that.starts)
        && Arrays.equals(ends, that.ends);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(ids) * 31 + Arrays.hashCode(starts);
  }

  @Override
  public String toString() {
    return "Encoding" + Arrays.toString(ids);
  }
}
