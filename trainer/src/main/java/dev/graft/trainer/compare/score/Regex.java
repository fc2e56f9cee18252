package dev.graft.trainer.compare.score;

import java.util.List;
import java.util.regex.Pattern;

/** Right if the pattern is found somewhere in the answer ({@link java.util.regex.Matcher#find}). */
public record Regex(Pattern pattern) implements Scorer {

  @Override
  public List<Metric> metrics() {
    return List.of(Metric.of("matched", "share of answers in which the pattern is found"));
  }

  @Override
  public Marks mark(String reference, String answer) {
    return Marks.of(Mark.of(Texts.matcher(pattern, answer).find()));
  }

  /** Two patterns are equal if they are written alike. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Regex regex
        && pattern.pattern().equals(regex.pattern.pattern())
        && pattern.flags() == regex.pattern.flags();
  }

  @Override
  public int hashCode() {
    return pattern.pattern().hashCode();
  }
}
