package dev.graft.trainer.compare.score;

import java.util.List;

/**
 * Right if the answer is the reference, character for character, white space at both ends aside:
 * models end with line feeds that nobody sees.
 */
public record Exact() implements Scorer {

  @Override
  public List<Metric> metrics() {
    return List.of(Metric.of("exact", "share of answers that are the reference"));
  }

  @Override
  public Marks mark(String reference, String answer) {
    return Marks.of(Mark.of(reference.strip().equals(answer.strip())));
  }
}
