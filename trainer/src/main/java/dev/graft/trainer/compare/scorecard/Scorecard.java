package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.HardwareCost;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.score.Marks.FieldMark;
import dev.graft.trainer.compare.statistics.Resampling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What a comparison comes to.
 *
 * @param data what the examples were read from
 * @param examples everything that was asked
 * @param replies by contestant, one for each example
 * @param scored all marks
 * @param decision absent where the configuration has no thresholds
 * @param notes what else a reader should know
 */
public record Scorecard(
    String data,
    String baseline,
    Resampling resampling,
    List<Example> examples,
    Map<String, List<Reply>> replies,
    List<Scored> scored,
    List<Standing> standings,
    List<Figure> figures,
    List<FieldRow> fields,
    Optional<Decision> decision,
    List<String> notes) {

  /** Works out figures, costs and the decision from replies and their marks. */
  public static Scorecard of(
      CompareConfig config,
      List<Example> examples,
      Map<String, List<Reply>> replies,
      List<Scored> scored,
      List<String> notes) {
    var resampling = new Resampling(config.statistics().resamples(), config.statistics().seed());
    List<String> names = List.copyOf(replies.keySet());
    List<Standing> standings = standings(config, replies);
    var all = new ArrayList<>(notes);
    config.hardware().flatMap(cost -> breakEven(cost, standings)).ifPresent(all::add);
    return new Scorecard(
        config.data().toString(),
        config.baselineName(),
        resampling,
        List.copyOf(examples),
        replies,
        List.copyOf(scored),
        standings,
        new Figures(resampling, config.baselineName(), names).of(scored),
        fields(scored),
        config
            .go()
            .map(go ->
                Decision.of(
                    go, scored, resampling, answered(standings, go.contestant()), examples.size())),
        List.copyOf(all));
  }

  private static List<Standing> standings(CompareConfig config, Map<String, List<Reply>> replies) {
    var standings = new ArrayList<Standing>();
    replies.forEach((name, all) ->
        standings.add(
            Standing.of(
                name,
                kind(Objects.requireNonNull(config.contestants().get(name))),
                all,
                Optional.ofNullable(config.prices().get(name)))));
    double most = standings.stream().mapToDouble(it -> it.inputTokens().orElse(0)).max().orElse(0);
    return standings.stream().map(it -> it.against(most)).toList();
  }

  private static String kind(Object config) {
    return config
        .getClass()
        .getSimpleName()
        .replaceAll("(?<=.)([A-Z])", "-$1")
        .toLowerCase(Locale.ROOT);
  }

  private static int answered(List<Standing> standings, String name) {
    return standings.stream()
        .filter(it -> it.name().equals(name))
        .mapToInt(Standing::answered)
        .sum();
  }

  private static Optional<String> breakEven(HardwareCost cost, List<Standing> standings) {
    return standings.stream()
        .filter(it -> it.name().equals(cost.against()) && it.pricePerThousand().isPresent())
        .findFirst()
        .filter(it -> it.pricePerThousand().getAsDouble() > 0)
        .map(it -> {
          double price = it.pricePerThousand().getAsDouble();
          double volume = cost.perMonth() / price * 1000;
          return String.format(
              Locale.ROOT,
              "break-even: at %,.2f a month for hardware and %,.2f for a thousand requests to %s,"
                  + " %s is cheaper from %,.0f requests a month (%,.0f a day)",
              cost.perMonth(),
              price,
              cost.against(),
              cost.contestant(),
              volume,
              volume / 30);
        });
  }

  /** Field by field, everybody's below each other. */
  private static List<FieldRow> fields(List<Scored> scored) {
    var rows = new ArrayList<FieldRow>();
    for (Scored each : scored) {
      var byField = new LinkedHashMap<String, List<FieldRow>>();
      each.marks()
          .forEach((contestant, marks) -> {
            var sums = new LinkedHashMap<String, int[]>();
            for (Optional<Marks> one : marks) {
              for (FieldMark field : one.map(Marks::fields).orElse(List.of())) {
                int[] sum = sums.computeIfAbsent(field.field(), _ -> new int[3]);
                sum[0] += field.hits();
                sum[1] += field.extra();
                sum[2] += field.missed();
              }
            }
            sums.forEach((field, sum) ->
                byField
                    .computeIfAbsent(field, _ -> new ArrayList<>())
                    .add(new FieldRow(each.name(), field, contestant, sum[0], sum[1], sum[2])));
          });
      byField.values().forEach(rows::addAll);
    }
    return rows;
  }

  /** Everybody's names, in order. */
  public List<String> contestants() {
    return standings.stream().map(Standing::name).toList();
  }

  /** Whether the thresholds hold; true where there are none. */
  public boolean isGo() {
    return decision.map(Decision::isGo).orElse(true);
  }
}
