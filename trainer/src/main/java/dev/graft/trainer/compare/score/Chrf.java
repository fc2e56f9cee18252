package dev.graft.trainer.compare.score;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * chrF2 (Popović 2015, chrF: character n-gram F-score for automatic MT evaluation): F-score with β
 * = 2 of character n-grams, n = 1 to 6. Conventions are sacrebleu's for one sentence: white space
 * is removed, letter case counts, precision and recall are averaged over the orders for which both
 * texts have an n-gram, and the F-score is taken of the averages; 0 where there is no such order.
 * Characters are Unicode code points. From 0 to 1; the figure is the mean over answers.
 */
public record Chrf() implements Scorer {

  private static final int ORDER = 6;
  private static final double BETA_SQUARED = 4;

  @Override
  public List<Metric> metrics() {
    return List.of(Metric.of("chrf", "mean chrF2, from 0 to 1"));
  }

  @Override
  public Marks mark(String reference, String answer) {
    return Marks.of(Mark.of(score(reference, answer)));
  }

  static double score(String reference, String answer) {
    int[] expected = characters(reference);
    int[] given = characters(answer);
    double precision = 0;
    double recall = 0;
    int orders = 0;
    for (int n = 1; n <= Math.min(ORDER, Math.min(expected.length, given.length)); n++) {
      Map<String, Integer> wanted = grams(expected, n);
      Map<String, Integer> found = grams(given, n);
      int common = Texts.common(wanted, found);
      precision += common / (double) (given.length - n + 1);
      recall += common / (double) (expected.length - n + 1);
      orders++;
    }
    if (precision + recall == 0) {
      return 0;
    }
    precision /= orders;
    recall /= orders;
    return (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall);
  }

  private static int[] characters(String text) {
    return text.codePoints().filter(c -> !Character.isWhitespace(c) && c != 0xA0).toArray();
  }

  private static Map<String, Integer> grams(int[] characters, int n) {
    var grams = new HashMap<String, Integer>();
    for (int i = 0; i + n <= characters.length; i++) {
      grams.merge(new String(characters, i, n), 1, Integer::sum);
    }
    return grams;
  }
}
