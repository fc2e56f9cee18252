package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.config.GoConfig;
import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Difference.Verdict;
import dev.graft.trainer.compare.statistics.Interval;
import dev.graft.trainer.compare.statistics.Observations;
import dev.graft.trainer.compare.statistics.Resampling;
import dev.graft.trainer.config.UserException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Go or no-go.
 *
 * @param contestant whom it is about
 * @param checks what had to hold
 */
public record Decision(String contestant, List<Check> checks) {

  /** One condition, in words that say what was found, and whether it holds. */
  public record Check(String words, boolean holds) {}

  public Decision {
    checks = List.copyOf(checks);
  }

  /** Whether all of them hold. */
  public boolean isGo() {
    return checks.stream().allMatch(Check::holds);
  }

  /**
   * Fails where a rule names a figure that there is not, before anything is asked.
   *
   * @param scored the scorers; their marks are not looked at
   */
  public static void validate(GoConfig config, List<Scored> scored) {
    config.rules().keySet().forEach(name -> find(name, scored));
  }

  private record Place(Scored scored, int metric) {}

  private static Place find(String name, List<Scored> scored) {
    int slash = name.indexOf('/');
    String scorer = slash < 0 ? name : name.substring(0, slash);
    var known = new ArrayList<String>();
    for (Scored each : scored) {
      for (int m = 0; m < each.metrics().size(); m++) {
        String metric = each.metrics().get(m).name();
        boolean named = slash < 0 ? m == 0 : metric.equals(name.substring(slash + 1));
        if (each.name().equals(scorer) && named) {
          return new Place(each, m);
        }
        known.add(m == 0 ? each.name() : each.name() + "/" + metric);
      }
    }
    throw new UserException(
        "go.rules.%s: there is no such figure; there are %s"
            .formatted(name, String.join(", ", known)));
  }

  /**
   * Decides.
   *
   * @param answered examples that the contestant answered, of {@code examples}
   */
  static Decision of(
      GoConfig config, List<Scored> scored, Resampling resampling, int answered, int examples) {
    var checks = new ArrayList<Check>();
    int missing = examples - answered;
    checks.add(
        new Check(
            "missing answers: %,d of %,d (%s allowed)"
                .formatted(missing, examples, share(config.missing())),
            missing <= config.missing() * examples));
    config
        .rules()
        .forEach((name, rule) -> {
          Place place = find(name, scored);
          rule(name, rule, place, config.contestant(), resampling, checks);
        });
    return new Decision(config.contestant(), checks);
  }

  private static void rule(
      String name,
      GoConfig.Rule rule,
      Place place,
      String contestant,
      Resampling resampling,
      List<Check> checks) {
    double value =
        place
            .scored()
            .observations(contestant, place.metric())
            .map(Observations::value)
            .orElse(Double.NaN);
    rule.atLeast()
        .ifPresent(least ->
            checks.add(
                new Check(
                    "%s is %s, at least %s is needed".formatted(name, number(value), number(least)),
                    value >= least)));
    rule.atMost()
        .ifPresent(most ->
            checks.add(
                new Check(
                    "%s is %s, at most %s is allowed".formatted(name, number(value), number(most)),
                    value <= most)));
    boolean higher = place.scored().metrics().get(place.metric()).higherIsBetter();
    rule.noWorseThan()
        .ifPresent(other -> {
          Interval interval = difference(place, contestant, other, resampling).interval();
          boolean holds =
              higher ? interval.low() >= -rule.margin() : interval.high() <= rule.margin();
          checks.add(
              new Check(
                  "%s differs from %s by %s [%s, %s], %s %s is needed throughout"
                      .formatted(
                          name,
                          other,
                          signed(interval.estimate()),
                          signed(interval.low()),
                          signed(interval.high()),
                          higher ? "at least" : "at most",
                          signed(higher ? 0 - rule.margin() : rule.margin())),
                  holds));
        });
    rule.betterThan()
        .ifPresent(other -> {
          Difference difference = difference(place, contestant, other, resampling);
          checks.add(
              new Check(
                  "%s differs from %s by %s (p = %s), shown to be better is needed"
                      .formatted(
                          name,
                          other,
                          signed(difference.interval().estimate()),
                          probability(difference.pValue())),
                  difference.verdict(higher) == Verdict.BETTER));
        });
  }

  private static Difference difference(
      Place place, String contestant, String other, Resampling resampling) {
    var own = place.scored().observations(contestant, place.metric());
    var opposite = place.scored().opposite(contestant, other, place.metric());
    if (own.isEmpty() || opposite.isEmpty()) {
      return Difference.between(
          Observations.ofValues(Double.NaN), Observations.ofValues(Double.NaN), resampling);
    }
    return Difference.between(own.get(), opposite.get(), resampling);
  }

  static String number(double value) {
    return Double.isNaN(value) ? "not known" : String.format(Locale.ROOT, "%.3f", value);
  }

  static String signed(double value) {
    return Double.isNaN(value) ? "?" : String.format(Locale.ROOT, "%+.3f", value);
  }

  static String probability(double p) {
    // Of thousands of examples a p-value may be too small for a double.
    return p < 1e-99 ? "<1e-99" : String.format(Locale.ROOT, p < 0.001 ? "%.1e" : "%.3f", p);
  }

  private static String share(double value) {
    return value == 0 ? "none" : String.format(Locale.ROOT, "%.1f %%", 100 * value);
  }
}
