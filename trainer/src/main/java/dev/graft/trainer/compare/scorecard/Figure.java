package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.score.Metric;
import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Difference.Verdict;
import dev.graft.trainer.compare.statistics.Interval;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * One figure of one scorer for everybody.
 *
 * @param scorer the scorer's name
 * @param isMain whether the verdict is about it
 * @param means by contestant
 * @param measured examples with a value, by contestant
 * @param differences to the baseline, by contestant
 */
public record Figure(
    String scorer,
    Metric metric,
    boolean isMain,
    Map<String, Interval> means,
    Map<String, Integer> measured,
    Map<String, Difference> differences) {

  public Figure {
    means = new LinkedHashMap<>(means);
    measured = new LinkedHashMap<>(measured);
    differences = new LinkedHashMap<>(differences);
  }

  /** {@code header}, or {@code json/parses} for a figure that is not its scorer's main one. */
  public String name() {
    return isMain ? scorer : scorer + "/" + metric.name();
  }

  /** What may be said of a contestant; empty for the baseline and for figures that are not main. */
  public Optional<Verdict> verdict(String contestant) {
    return isMain
        ? Optional.ofNullable(differences.get(contestant))
            .map(it -> it.verdict(metric.higherIsBetter()))
        : Optional.empty();
  }
}
