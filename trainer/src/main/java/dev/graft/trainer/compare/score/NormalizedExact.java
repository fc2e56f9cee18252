package dev.graft.trainer.compare.score;

import java.util.List;

/** Right if the answer is the reference after {@link Texts#normalized}. */
public record NormalizedExact() implements Scorer {

  @Override
  public List<Metric> metrics() {
    return List.of(
        Metric.of(
            "exact",
            "share of answers that are the reference, letter case, white space, quotes around and"
                + " a full stop at the end aside"));
  }

  @Override
  public Marks mark(String reference, String answer) {
    return Marks.of(Mark.of(Texts.normalized(reference).equals(Texts.normalized(answer))));
  }
}
