package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.score.Mark;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.score.Metric;
import dev.graft.trainer.compare.statistics.Observations;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A scorer's marks of everybody's answers.
 *
 * @param name the scorer's name in the configuration
 * @param metrics its figures, the main one first
 * @param form how marks become figures
 * @param marks by contestant, one for each example; empty where there is no answer. Contestants
 *     that it does not apply to are absent
 */
public record Scored(
    String name, List<Metric> metrics, Form form, Map<String, List<Optional<Marks>>> marks) {

  /** How marks become figures. */
  public enum Form {
    /** A mean, or a ratio of sums. */
    PLAIN,
    /** exp of a ratio of sums: perplexity. */
    EXPONENTIAL,
    /** Preference over the baseline, 0 to 1; the baseline's own is one less it. */
    PREFERENCE
  }

  public Scored {
    metrics = List.copyOf(metrics);
    marks = new LinkedHashMap<>(marks);
  }

  /** A contestant's values of one figure; empty where the scorer does not apply to it. */
  Optional<Observations> observations(String contestant, int metric) {
    return Optional.ofNullable(marks.get(contestant)).map(all -> observations(all, metric));
  }

  /** What a contestant's values are held against: the baseline's, or one less its own. */
  Optional<Observations> opposite(String contestant, String other, int metric) {
    if (form != Form.PREFERENCE) {
      return observations(other, metric);
    }
    return observations(contestant, metric)
        .map(it -> {
          double[] values = it.numerators()[0].clone();
          for (int i = 0; i < values.length; i++) {
            values[i] = 1 - values[i];
          }
          return Observations.ofValues(values);
        });
  }

  private Observations observations(List<Optional<Marks>> all, int metric) {
    int ratios =
        all.stream()
            .flatMap(Optional::stream)
            .findFirst()
            .map(it -> it.marks().get(metric).numerators().length)
            .orElse(1);
    double[][] tops = new double[ratios][all.size()];
    double[][] bottoms = new double[ratios][all.size()];
    for (int i = 0; i < all.size(); i++) {
      for (int k = 0; k < ratios; k++) {
        Optional<Marks> marked = all.get(i);
        tops[k][i] = Double.NaN;
        bottoms[k][i] = Double.NaN;
        if (marked.isPresent()) {
          Mark mark = marked.get().marks().get(metric);
          tops[k][i] = mark.numerators()[k];
          bottoms[k][i] = mark.denominators()[k];
        }
      }
    }
    return new Observations(tops, bottoms, form == Form.EXPONENTIAL);
  }

  /** Nobody's marks yet, for so many examples. */
  static List<Optional<Marks>> none(int examples) {
    @SuppressWarnings("unchecked")
    Optional<Marks>[] none = new Optional[examples];
    Arrays.fill(none, Optional.empty());
    return Arrays.asList(none);
  }
}
