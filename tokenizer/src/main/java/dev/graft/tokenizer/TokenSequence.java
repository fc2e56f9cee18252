package dev.graft.tokenizer;

import java.util.Arrays;
import java.util.Objects;

/**
 * One example as the model sees it. The arrays are handed over, not copied: nobody writes to them
 * afterwards.
 *
 * @param inputIds (T) token ids, none negative
 * @param target (T) whether token i is to be predicted from the tokens before it; {@code target[0]}
 *     never counts, since nothing stands before it
 * @param origin where the row came from
 */
@SuppressWarnings("ArrayRecordComponent") // equality by content below; a List<Integer> is 5x larger
public record TokenSequence(int[] inputIds, boolean[] target, Origin origin) implements Row {
  public TokenSequence {
    Objects.requireNonNull(origin, "origin");
    if (inputIds.length == 0 || inputIds.length != target.length) {
      throw new IllegalArgumentException(
          origin + ": " + inputIds.length + " ids and " + target.length + " target flags");
    }
  }

  /** The number of tokens T, at least 1. */
  public int length() {
    return inputIds.length;
  }

  /** How many tokens the loss is summed over: targets at index 1 and later. May be 0. */
  public int targetCount() {
    int count = 0;
    for (int i = 1; i < target.length; i++) {
      if (target[i]) {
        count++;
      }
    }
    return count;
  }

  /** The largest id, to be compared with the rows of the embedding. */
  public int maxTokenId() {
    int max = 0;
    for (int id : inputIds) {
      max = Math.max(max, id);
    }
    return max;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TokenSequence that
        && Arrays.equals(inputIds, that.inputIds)
        && Arrays.equals(target, that.target)
        && origin.equals(that.origin);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(inputIds) * 31 + Arrays.hashCode(target);
  }

  @Override
  public String toString() {
    return origin + ": " + length() + " tokens, " + targetCount() + " of them targets";
  }
}
