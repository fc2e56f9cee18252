package dev.graft.trainer.compare.score;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The F1 of SQuAD (Rajpurkar et al. 2016, section 6.1; version 2's rule for empty texts): both
 * texts in lower case, without ASCII punctuation and without the words a, an and the, split at
 * white space; precision and recall over the bags of tokens. Where either has no token left, 1 if
 * neither has and 0 otherwise. The figure is the mean over answers.
 */
public record TokenF1() implements Scorer {

  @Override
  public List<Metric> metrics() {
    return List.of(Metric.of("token-f1", "mean F1 of the bags of words, as SQuAD has it"));
  }

  @Override
  public Marks mark(String reference, String answer) {
    return Marks.of(Mark.of(score(reference, answer)));
  }

  static double score(String reference, String answer) {
    List<String> expected = tokens(reference);
    List<String> given = tokens(answer);
    if (expected.isEmpty() || given.isEmpty()) {
      return expected.isEmpty() && given.isEmpty() ? 1 : 0;
    }
    Map<String, Integer> wanted = Texts.bag(expected);
    int common = Texts.common(wanted, Texts.bag(given));
    return Texts.f1(common / (double) given.size(), common / (double) expected.size());
  }

  private static List<String> tokens(String text) {
    String plain =
        text.toLowerCase(Locale.ROOT)
            .replaceAll("[!-/:-@\\[-`{-~]", "")
            .replaceAll("(?U)\\b(a|an|the)\\b", " ");
    return Stream.of(plain.strip().split("(?U)\\s+")).filter(word -> !word.isEmpty()).toList();
  }
}
