package dev.graft.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Which tokens of a text are targets, given the stretches that the assistant wrote.
 *
 * <p><b>A token is a target if at least one of its characters lies in such a stretch.</b> So a
 * token that straddles the beginning ({@code " Hello"} where the template wrote the space) is
 * learned: otherwise the model would never learn how an answer begins. A token that straddles the
 * end is learned too, since the model has to produce it to say the stretch's last characters. A
 * token of no characters (a space that the tokenizer puts in front) counts as the character it
 * stands before. Transformers' {@code return_assistant_tokens_mask} goes by the same rule.
 *
 * <p><b>The token that ends the turn is a target as well</b>, with white space before it: the first
 * special token after the stretch, if it ends texts ({@link Tokenizer#endIds()}) or is the one that
 * follows the text's last stretch, where no other turn begins and it can only be an end. If nothing
 * but white space follows the last stretch, that white space is learned too: EOS comes after it.
 *
 * @param target (T) which tokens are targets
 * @param closed whether the last stretch is followed by, or ends with, a special token
 */
@SuppressWarnings("ArrayRecordComponent") // passed on at once, never compared
record LossMask(boolean[] target, boolean closed) {
  /**
   * @param text what was encoded
   * @param encoding its tokens
   * @param stretches what the assistant wrote, ascending, not overlapping
   */
  static LossMask of(
      String text,
      Encoding encoding,
      List<Span> stretches,
      Set<Integer> specialIds,
      Set<Integer> endIds) {
    return of(text, encoding, new Stretches(stretches, Set.of(), false), specialIds, endIds);
  }

  /**
   * What the assistant wrote, and what of the text is learned.
   *
   * @param all ascending, not overlapping
   * @param unlearned those that are not learned, with the tokens that end them
   * @param outside whether everything outside of all stretches is learned
   */
  record Stretches(List<Span> all, Set<Span> unlearned, boolean outside) {}

  static LossMask of(
      String text,
      Encoding encoding,
      Stretches stretches,
      Set<Integer> specialIds,
      Set<Integer> endIds) {
    if (stretches.unlearned().isEmpty() && !stretches.outside()) {
      return of(text, encoding, stretches.all(), stretches.all(), specialIds, endIds);
    }
    LossMask all = of(text, encoding, stretches.all(), stretches.all(), specialIds, endIds);
    List<Span> unlearned =
        stretches.all().stream().filter(stretches.unlearned()::contains).toList();
    boolean[] kept = of(text, encoding, stretches.all(), unlearned, specialIds, endIds).target();
    boolean[] target = all.target();
    for (int i = 0; i < target.length; i++) {
      target[i] = (target[i] || stretches.outside()) && !kept[i];
    }
    return new LossMask(target, all.closed());
  }

  /** Marks the chosen stretches; all of them are needed to know how a turn ends. */
  private static LossMask of(
      String text,
      Encoding encoding,
      List<Span> stretches,
      List<Span> chosen,
      Set<Integer> specialIds,
      Set<Integer> endIds) {
    Set<Span> marked = Set.copyOf(chosen);
    boolean[] target = new boolean[encoding.ids().length];
    boolean[] elsewhere = new boolean[target.length];
    int[] afterStretch = new int[stretches.size()];
    int token = 0;
    for (int i = 0; i < afterStretch.length; i++) {
      boolean isMarked = marked.contains(stretches.get(i));
      token = markStretch(encoding, stretches.get(i), token, isMarked ? target : elsewhere);
      afterStretch[i] = token;
    }
    int finalEnd =
        afterStretch.length == 0
            ? -1
            : endOfTurn(text, encoding, afterStretch[afterStretch.length - 1], specialIds);
    for (int i = 0; i < afterStretch.length; i++) {
      if (!marked.contains(stretches.get(i))) {
        continue;
      }
      int after = afterStretch[i];
      int end = endOfTurn(text, encoding, after, specialIds);
      if (end >= 0 && endsTurns(encoding.ids(), end, finalEnd, endIds)) {
        for (int j = after; j <= end; j++) {
          target[j] = true;
        }
      }
    }
    if (finalEnd < 0 && afterStretch.length > 0 && marked.contains(stretches.getLast())) {
      markIfBlank(text, encoding, afterStretch[afterStretch.length - 1], target);
    }
    return new LossMask(target, finalEnd >= 0);
  }

  private static void markIfBlank(String text, Encoding encoding, int after, boolean[] target) {
    if (after < target.length && text.substring(encoding.starts()[after]).isBlank()) {
      Arrays.fill(target, after, target.length, true);
    }
  }

  private static boolean endsTurns(int[] ids, int end, int finalEnd, Set<Integer> endIds) {
    return endIds.contains(ids[end]) || (finalEnd >= 0 && ids[end] == ids[finalEnd]);
  }

  /** Marks the tokens of a stretch and returns the index of the first token after it. */
  private static int markStretch(Encoding encoding, Span stretch, int from, boolean[] target) {
    int after = from;
    for (int i = from; i < target.length && encoding.starts()[i] < stretch.end(); i++) {
      int start = encoding.starts()[i];
      if (stretch.overlaps(start, Math.max(encoding.ends()[i], start + 1))) {
        target[i] = true;
      }
      after = i + 1;
    }
    return after;
  }

  /** The special token that ends a turn whose first token after it is {@code after}, or -1. */
  private static int endOfTurn(String text, Encoding encoding, int after, Set<Integer> specialIds) {
    if (after > 0 && specialIds.contains(encoding.ids()[after - 1])) {
      return after - 1;
    }
    for (int i = after; i < encoding.ids().length; i++) {
      if (specialIds.contains(encoding.ids()[i])) {
        return i;
      }
      if (!text.substring(encoding.starts()[i], encoding.ends()[i]).isBlank()) {
        return -1;
      }
    }
    return -1;
  }
}
