package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Interval;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** A scorecard for programs: {@code scorecard.json}, without texts. */
public final class ScorecardJson {

  private ScorecardJson() {}

  /** The file's content; numbers in full precision, null where there is none. */
  public static String of(Scorecard card) {
    var root = new LinkedHashMap<String, @Nullable Object>();
    root.put("data", card.data());
    root.put("examples", card.examples().size());
    root.put("baseline", card.baseline());
    root.put("resamples", card.resampling().resamples());
    root.put("seed", card.resampling().seed());
    root.put("contestants", card.standings().stream().map(ScorecardJson::standing).toList());
    root.put("figures", card.figures().stream().map(ScorecardJson::figure).toList());
    root.put("fields", card.fields().stream().map(ScorecardJson::field).toList());
    root.put("notes", card.notes());
    card.decision().ifPresent(decision -> root.put("decision", decision(decision)));
    return JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
  }

  private static Map<String, @Nullable Object> standing(Standing standing) {
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("name", standing.name());
    map.put("kind", standing.kind());
    map.put("model", standing.model().orElse(null));
    map.put("answered", standing.answered());
    map.put("missing", standing.failures());
    map.put("cut", standing.cut());
    map.put("latency_p50_ms", number(standing.latencyP50()));
    map.put("latency_p95_ms", number(standing.latencyP95()));
    map.put("input_tokens", number(standing.inputTokens()));
    map.put("output_tokens", number(standing.outputTokens()));
    map.put("price_per_thousand_requests", number(standing.pricePerThousand()));
    map.put("prompt_tokens_saved", number(standing.promptTokensSaved()));
    return map;
  }

  private static Map<String, @Nullable Object> figure(Figure figure) {
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("name", figure.name());
    map.put("scorer", figure.scorer());
    map.put("figure", figure.metric().name());
    map.put("main", figure.isMain());
    map.put("higher_is_better", figure.metric().higherIsBetter());
    map.put("definition", figure.metric().definition());
    var values = new LinkedHashMap<String, Object>();
    figure
        .means()
        .forEach((name, mean) -> {
          var value = interval(mean);
          value.put("examples", figure.measured().get(name));
          Difference difference = figure.differences().get(name);
          if (difference != null) {
            value.put("difference", difference(figure, name, difference));
          }
          values.put(name, value);
        });
    map.put("values", values);
    return map;
  }

  private static Map<String, @Nullable Object> difference(
      Figure figure, String name, Difference difference) {
    Map<String, @Nullable Object> map = interval(difference.interval());
    map.put("pairs", difference.pairs());
    map.put("test", difference.test().words());
    map.put("p", difference.pValue());
    figure
        .verdict(name)
        .ifPresent(verdict -> {
          map.put("p_holm", difference.adjusted());
          map.put("verdict", verdict.words());
        });
    map.put(
        "examples_needed",
        difference.needed().isPresent() ? difference.needed().getAsLong() : null);
    return map;
  }

  private static Map<String, @Nullable Object> interval(Interval interval) {
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("estimate", finite(interval.estimate()));
    map.put("low", finite(interval.low()));
    map.put("high", finite(interval.high()));
    return map;
  }

  private static Map<String, @Nullable Object> field(FieldRow row) {
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("scorer", row.scorer());
    map.put("field", row.field());
    map.put("contestant", row.contestant());
    map.put("hits", row.hits());
    map.put("extra", row.extra());
    map.put("missed", row.missed());
    map.put("precision", finite(row.precision()));
    map.put("recall", finite(row.recall()));
    map.put("f1", finite(row.f1()));
    return map;
  }

  private static Map<String, @Nullable Object> decision(Decision decision) {
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("contestant", decision.contestant());
    map.put("go", decision.isGo());
    map.put(
        "checks",
        List.copyOf(
            decision.checks().stream()
                .map(check -> Map.of("check", check.words(), "holds", check.holds()))
                .toList()));
    return map;
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private static @Nullable Double number(OptionalDouble value) {
    return value.isPresent() ? value.getAsDouble() : null;
  }
}
