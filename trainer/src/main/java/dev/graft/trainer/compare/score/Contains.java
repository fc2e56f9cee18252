package dev.graft.trainer.compare.score;

import java.util.List;

/**
 * Right if the answer contains every one of the texts, after {@link Texts#normalized}.
 *
 * @param texts empty for the reference itself
 */
public record Contains(List<String> texts) implements Scorer {

  public Contains {
    texts = List.copyOf(texts);
  }

  @Override
  public List<Metric> metrics() {
    return List.of(
        Metric.of(
            "contained",
            texts.isEmpty()
                ? "share of answers that contain the reference"
                : "share of answers that contain all of " + String.join(", ", texts)));
  }

  @Override
  public Marks mark(String reference, String answer) {
    String within = Texts.normalized(answer);
    List<String> wanted = texts.isEmpty() ? List.of(reference) : texts;
    return Marks.of(Mark.of(wanted.stream().map(Texts::normalized).allMatch(within::contains)));
  }
}
