package dev.graft.trainer.compare.score;

import java.util.List;
import java.util.Optional;

/** Marks answers. What was never answered is not marked at all; that is the caller's to count. */
public sealed interface Scorer
    permits Exact,
        NormalizedExact,
        Contains,
        Regex,
        RougeL,
        Chrf,
        TokenF1,
        JsonFields,
        Codes,
        Structure,
        OfPart {

  /** The figures it gives; the first is the one that a verdict is about. */
  List<Metric> metrics();

  /** Marks one answer. */
  Marks mark(String reference, String answer);

  /** Why nothing can be scored against this reference; empty where it can. */
  default Optional<String> problemWith(String reference) {
    return Optional.empty();
  }
}
