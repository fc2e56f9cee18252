package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Holm;
import dev.graft.trainer.compare.statistics.Interval;
import dev.graft.trainer.compare.statistics.Observations;
import dev.graft.trainer.compare.statistics.Resampling;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Makes figures of marks. Differences of main figures are corrected by {@link Holm}, for each
 * contestant over all scorers; the other figures explain and get no verdict.
 *
 * @param baseline whom the others are held against
 * @param contestants everybody's names, in order
 */
public record Figures(Resampling resampling, String baseline, List<String> contestants) {

  /** All figures of all scorers. */
  public List<Figure> of(List<Scored> scored) {
    // Each starts from the seed by itself, so that the order in which cores take them is nothing.
    List<Figure> figures =
        scored.stream()
            .flatMap(each ->
                IntStream.range(0, each.metrics().size())
                    .<Supplier<Figure>>mapToObj(m -> () -> figure(each, m)))
            .toList()
            .parallelStream()
            .map(Supplier::get)
            .toList();
    contestants.forEach(name -> correct(figures, name));
    return figures;
  }

  private Figure figure(Scored scored, int metric) {
    var means = new LinkedHashMap<String, Interval>();
    var measured = new LinkedHashMap<String, Integer>();
    var differences = new LinkedHashMap<String, Difference>();
    for (String name : contestants) {
      Optional<Observations> own = scored.observations(name, metric);
      if (own.isEmpty()) {
        continue;
      }
      means.put(name, resampling.interval(own.get()));
      measured.put(name, own.get().measured());
      Optional<Observations> other =
          name.equals(baseline) ? Optional.empty() : scored.opposite(name, baseline, metric);
      other.ifPresent(it -> differences.put(name, Difference.between(own.get(), it, resampling)));
    }
    return new Figure(
        scored.name(), scored.metrics().get(metric), metric == 0, means, measured, differences);
  }

  private static void correct(List<Figure> figures, String contestant) {
    List<Figure> family =
        figures.stream()
            .filter(it -> it.isMain() && it.differences().containsKey(contestant))
            .toList();
    double[] adjusted =
        Holm.adjusted(
            family.stream().mapToDouble(it -> difference(it, contestant).pValue()).toArray());
    for (int i = 0; i < family.size(); i++) {
      Difference corrected = difference(family.get(i), contestant).withAdjusted(adjusted[i]);
      family.get(i).differences().put(contestant, corrected);
    }
  }

  private static Difference difference(Figure figure, String contestant) {
    return java.util.Objects.requireNonNull(figure.differences().get(contestant));
  }
}
