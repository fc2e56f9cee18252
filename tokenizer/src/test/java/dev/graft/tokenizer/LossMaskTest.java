package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Ids from 90 on are special, 99 ends texts. Tokens are written as {id, start, end}. */
class LossMaskTest {
  private static final Set<Integer> SPECIAL = Set.of(90, 91, 99);
  private static final Set<Integer> ENDS = Set.of(99);

  @Test
  void tokensWithinTheStretch() {
    // Q:ab<e>
    LossMask mask =
        mask("Q:ab<e>", spans(2, 4), new int[][] {{1, 0, 2}, {2, 2, 3}, {3, 3, 4}, {99, 4, 7}});
    assertThat(mask.target()).containsExactly(false, true, true, true);
    assertThat(mask.closed()).isTrue();
  }

  @Test
  void tokensThatStraddleTheBeginningOrTheEndAreLearned() {
    // The template wrote both spaces.
    LossMask mask =
        mask("Q: ab .", spans(3, 5), new int[][] {{1, 0, 2}, {2, 2, 4}, {3, 4, 6}, {4, 6, 7}});
    assertThat(mask.target()).containsExactly(false, true, true, false);
    assertThat(mask.closed()).isFalse();
  }

  @Test
  void neighboursThatOnlyTouchAreNot() {
    LossMask mask = mask("abcd", spans(1, 3), new int[][] {{1, 0, 1}, {2, 1, 3}, {3, 3, 4}});
    assertThat(mask.target()).containsExactly(false, true, false);
  }

  @Test
  void severalTokensOfOneCharacter() {
    LossMask mask =
        mask(
            "x🦙y",
            spans(1, 3),
            new int[][] {{1, 0, 1}, {2, 1, 3}, {3, 1, 3}, {4, 1, 3}, {5, 3, 4}});
    assertThat(mask.target()).containsExactly(false, true, true, true, false);
  }

  @Test
  void aTokenOfNoCharactersCountsAsTheOneItStandsBefore() {
    int[][] tokens = {{1, 0, 1}, {2, 1, 1}, {3, 1, 2}, {2, 2, 2}, {4, 2, 3}};
    assertThat(mask("abc", spans(1, 2), tokens).target())
        .containsExactly(false, true, true, false, false);
  }

  @Test
  void theEndOfTheTurnIsLearnedWithTheSpaceBeforeIt() {
    // "a </s><s>b </s>": Llama 2's template writes a space before each end.
    int[][] tokens = {
      {1, 0, 1}, {5, 1, 2}, {99, 2, 6}, {90, 6, 9}, {2, 9, 10}, {5, 10, 11}, {99, 11, 15}
    };
    assertThat(mask("a </s><s>b </s>", spans(0, 1, 9, 10), tokens).target())
        .containsExactly(true, true, true, false, true, true, true);
  }

  @Test
  void anEndThatIsNotInTheCheckpointsListIsKnownByTheLastTurn() {
    // 91 closes turns (ChatML in a base model whose EOS is another token), 90 opens them.
    int[][] tokens = {
      {90, 0, 1}, {1, 1, 2}, {91, 2, 3}, {7, 3, 4}, {90, 4, 5}, {2, 5, 6}, {91, 6, 7}, {7, 7, 8}
    };
    LossMask mask = mask("<a>\n<b>\n", spans(1, 2, 5, 6), tokens);
    assertThat(mask.target()).containsExactly(false, true, true, false, false, true, true, false);
    assertThat(mask.closed()).isTrue();
  }

  @Test
  void theBeginningOfTheNextTurnIsNoEnd() {
    // Nothing closes turns here, so 90 after the first answer only opens the next turn. After the
    // last one EOS will be put, behind the white space, which is learned for that.
    int[][] tokens = {{90, 0, 1}, {1, 1, 2}, {7, 2, 3}, {90, 3, 4}, {2, 4, 5}, {7, 5, 6}};
    LossMask mask = mask("<a\n<b\n", spans(1, 2, 4, 5), tokens);
    assertThat(mask.target()).containsExactly(false, true, false, false, true, true);
    assertThat(mask.closed()).isFalse();
  }

  @Test
  void aStretchThatHoldsItsEndNeedsNoOther() {
    int[][] tokens = {{1, 0, 1}, {99, 1, 2}, {90, 2, 3}, {1, 3, 4}, {99, 4, 5}};
    LossMask mask = mask("a</<b<", spans(0, 2, 3, 5), tokens);
    assertThat(mask.target()).containsExactly(true, true, false, true, true);
    assertThat(mask.closed()).isTrue();
  }

  @Test
  void textBetweenAnswerAndSpecialTokenKeepsThemApart() {
    int[][] tokens = {{1, 0, 1}, {2, 1, 2}, {99, 2, 3}};
    LossMask mask = mask("ab<", spans(0, 1), tokens);
    assertThat(mask.target()).containsExactly(true, false, false);
    assertThat(mask.closed()).isFalse();
  }

  private static LossMask mask(String text, List<Span> stretches, int[][] tokens) {
    int[] ids = new int[tokens.length];
    int[] starts = new int[tokens.length];
    int[] ends = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      ids[i] = tokens[i][0];
      starts[i] = tokens[i][1];
      ends[i] = tokens[i][2];
    }
    return LossMask.of(text, new Encoding(ids, starts, ends), stretches, SPECIAL, ENDS);
  }

  private static List<Span> spans(int... bounds) {
    return IntStream.range(0, bounds.length / 2)
        .mapToObj(i -> new Span(bounds[2 * i], bounds[2 * i + 1]))
        .toList();
  }
}
