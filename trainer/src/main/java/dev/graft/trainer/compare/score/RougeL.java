package dev.graft.trainer.compare.score;

import java.util.List;

/**
 * ROUGE-L of two texts (Lin 2004, ROUGE: A package for automatic evaluation of summaries, section
 * 3.1): with L the length of the longest common subsequence of words, P = L / words of the answer
 * and R = L / words of the reference, the score is 2PR / (P + R), that is β = 1, as usual today.
 * Words are runs of letters and digits in lower case; nothing is stemmed. 0 where either has no
 * word. The figure is the mean over answers.
 */
public record RougeL() implements Scorer {

  @Override
  public List<Metric> metrics() {
    return List.of(Metric.of("rouge-l", "mean F1 of the longest common subsequence of words"));
  }

  @Override
  public Marks mark(String reference, String answer) {
    return Marks.of(Mark.of(score(reference, answer)));
  }

  static double score(String reference, String answer) {
    List<String> expected = Texts.words(reference);
    List<String> given = Texts.words(answer);
    int common = longestCommonSubsequence(expected, given);
    return common == 0
        ? 0
        : Texts.f1(common / (double) given.size(), common / (double) expected.size());
  }

  private static int longestCommonSubsequence(List<String> one, List<String> other) {
    int[] row = new int[other.size() + 1];
    for (String word : one) {
      int diagonal = 0;
      for (int j = 1; j < row.length; j++) {
        int above = row[j];
        row[j] = word.equals(other.get(j - 1)) ? diagonal + 1 : Math.max(above, row[j - 1]);
        diagonal = above;
      }
    }
    return row[other.size()];
  }
}
