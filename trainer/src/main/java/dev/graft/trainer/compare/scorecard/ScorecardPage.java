package dev.graft.trainer.compare.scorecard;

import static dev.graft.trainer.compare.scorecard.Decision.number;
import static dev.graft.trainer.compare.scorecard.Decision.probability;
import static dev.graft.trainer.compare.scorecard.Decision.signed;

import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.score.Marks.FieldMark;
import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Difference.Verdict;
import dev.graft.trainer.compare.statistics.Interval;
import dev.graft.trainer.report.ForestPlot;
import dev.graft.trainer.report.Html;
import dev.graft.trainer.report.Html.Tone;
import dev.graft.trainer.report.Page;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A scorecard as a page of its own: {@code scorecard.html}. */
public final class ScorecardPage {

  private final Scorecard card;

  private ScorecardPage(Scorecard card) {
    this.card = card;
  }

  /** The page. */
  public static String of(Scorecard card) {
    return new ScorecardPage(card).html();
  }

  private String html() {
    var page =
        new Page("Scorecard: " + String.join(", ", card.contestants()))
            .style(Page.resource(ScorecardPage.class, "scorecard.css"))
            .script(Page.resource(ScorecardPage.class, "scorecard.js"));
    page.add(
        "<p class=\"soft\">%,d examples of <code>%s</code>, held against <strong>%s</strong></p>"
            .formatted(
                card.examples().size(), Html.escaped(card.data()), Html.escaped(card.baseline())));
    page.add(banner());
    page.add(Html.cards(card.standings().stream().map(this::answered).toList()));
    if (!card.notes().isEmpty()) {
      page.add(Html.banner(Tone.WARN, "To know", card.notes()));
    }
    page.section("Verdicts").add(verdicts());
    page.add("<h3>Differences to %s</h3>".formatted(Html.escaped(card.baseline())))
        .add(differences());
    page.section("Figures").add(means());
    page.add("<details><summary>All figures with their definitions</summary>")
        .add(figures())
        .add("</details>");
    if (!card.fields().isEmpty()) {
      page.section("Fields").add(fields());
    }
    page.section("Cost and speed").add(costs());
    page.section("Examples").add(BROWSER).data("scorecard", data());
    page.add(
        "<footer>Intervals are 95 %% percentile bootstrap intervals over the examples (%,d"
                .formatted(card.resampling().resamples())
            + " resamples, the same examples for everybody). Right-or-wrong figures are tested by"
            + " McNemar's exact test, others by randomization; p-values are corrected by Holm over"
            + " the scorers. Missing answers are not scored. Made by graft.</footer>");
    return page.html();
  }

  private static final String BROWSER =
      """
      <div class="filters noprint">
      <label>Scorer <select id="f-scorer"></select></label>
      <label>Show <select id="f-rule">
      <option value="all">all examples</option>
      <option value="below">left worse than right (left wrong, right right)</option>
      <option value="above">left better than right</option>
      <option value="low">left not fully right</option>
      <option value="missing">left has no answer</option>
      </select></label>
      <label>Left <select id="f-left"></select></label>
      <label>Right <select id="f-right"></select></label>
      <label>Find <input id="f-text" type="search" placeholder="text or id"></label>
      </div>
      <p id="count" class="soft small" aria-live="polite"></p>
      <div id="examples"></div>
      <p class="pages noprint"><button id="previous">previous</button> <span id="where"></span>
      <button id="next">next</button></p>
      """;

  private String banner() {
    List<String> sentences = new ArrayList<>();
    boolean worse = false;
    boolean better = false;
    for (Figure figure : card.figures()) {
      for (String name : figure.differences().keySet()) {
        Optional<Verdict> verdict = figure.verdict(name);
        if (verdict.isPresent()) {
          sentences.add(ScorecardTable.verdict(card, figure, name));
          worse |= verdict.get() == Verdict.WORSE;
          better |= verdict.get() == Verdict.BETTER;
        }
      }
    }
    return card.decision()
            .map(decision ->
                Html.banner(
                    decision.isGo() ? Tone.GOOD : Tone.BAD,
                    (decision.isGo() ? "Go: " : "No-go: ") + decision.contestant(),
                    decision.checks().stream()
                        .map(check -> (check.holds() ? "✓ " : "✗ ") + check.words())
                        .toList()))
            .orElse("")
        + Html.banner(
            better && !worse ? Tone.GOOD : worse && !better ? Tone.BAD : Tone.FLAT,
            sentences.isEmpty() ? "Nobody to compare with" : "What the examples show",
            sentences);
  }

  private Html.Card answered(Standing standing) {
    int missing = card.examples().size() - standing.answered();
    return new Html.Card(
        standing.name()
            + (missing > 0 ? ": answered, %,d missing".formatted(missing) : ": answered"),
        "%,d".formatted(standing.answered()));
  }

  private static Tone tone(Verdict verdict) {
    return switch (verdict) {
      case BETTER -> Tone.GOOD;
      case WORSE -> Tone.BAD;
      case NO_DIFFERENCE_SHOWN -> Tone.FLAT;
      case NOT_COMPARED -> Tone.WARN;
    };
  }

  private String verdicts() {
    var rows = new ArrayList<List<String>>();
    for (Figure figure : card.figures()) {
      figure
          .differences()
          .forEach((name, difference) ->
              figure
                  .verdict(name)
                  .ifPresent(verdict ->
                      rows.add(
                          List.of(
                              Html.escaped(figure.name()),
                              Html.escaped(name),
                              Html.pill(tone(verdict), verdict.words()),
                              number(mean(figure, name)),
                              number(mean(figure, card.baseline())),
                              signed(difference.interval().estimate()),
                              probability(difference.adjusted()),
                              difference.needed().isPresent()
                                  ? "%,d".formatted(difference.needed().getAsLong())
                                  : "–"))));
    }
    return Html.table(
        List.of(
            "scorer",
            "contestant",
            "verdict",
            "figure",
            card.baseline(),
            "difference",
            "p (Holm)",
            "examples needed"),
        rows,
        Set.of(3, 4, 5, 6, 7));
  }

  private static double mean(Figure figure, String name) {
    Interval mean = figure.means().get(name);
    return mean == null ? Double.NaN : mean.estimate();
  }

  private String differences() {
    var plots = new StringBuilder();
    // Perplexities would squeeze everything that lies between 0 and 1.
    for (boolean share : new boolean[] {true, false}) {
      var rows = new ArrayList<ForestPlot.Row>();
      for (Figure figure : card.figures()) {
        String group = figure.name();
        for (var entry : figure.differences().entrySet()) {
          Interval interval = entry.getValue().interval();
          Optional<Verdict> verdict = figure.verdict(entry.getKey());
          if (verdict.isEmpty() || !interval.isKnown() || isShare(figure) != share) {
            continue;
          }
          rows.add(
              new ForestPlot.Row(
                  group,
                  entry.getKey(),
                  interval.low(),
                  interval.estimate(),
                  interval.high(),
                  tone(verdict.get()).css(),
                  "%s [%s, %s]"
                      .formatted(
                          signed(interval.estimate()),
                          signed(interval.low()),
                          signed(interval.high()))));
          group = "";
        }
      }
      plots.append(new ForestPlot(rows, true).html());
    }
    return plots.toString();
  }

  private static boolean isShare(Figure figure) {
    return figure.means().values().stream().allMatch(it -> !it.isKnown() || it.high() <= 1);
  }

  private String means() {
    var plots = new StringBuilder();
    for (boolean share : new boolean[] {true, false}) {
      var rows = new ArrayList<ForestPlot.Row>();
      for (Figure figure : card.figures()) {
        String group = figure.name();
        for (int i = 0; i < card.contestants().size(); i++) {
          String name = card.contestants().get(i);
          Interval mean = figure.means().get(name);
          if (!figure.isMain() || mean == null || !mean.isKnown() || isShare(figure) != share) {
            continue;
          }
          rows.add(
              new ForestPlot.Row(
                  group,
                  name,
                  mean.low(),
                  mean.estimate(),
                  mean.high(),
                  "s" + i % 6,
                  interval(mean)));
          group = "";
        }
      }
      plots.append(new ForestPlot(rows, false).html());
    }
    return plots.toString();
  }

  private static String interval(Interval interval) {
    return interval.isKnown()
        ? "%s [%s, %s]"
            .formatted(number(interval.estimate()), number(interval.low()), number(interval.high()))
        : "–";
  }

  private String figures() {
    var rows = new ArrayList<List<String>>();
    for (Figure figure : card.figures()) {
      figure
          .means()
          .forEach((name, mean) -> {
            Difference difference = figure.differences().get(name);
            rows.add(
                List.of(
                    Html.escaped(figure.name()),
                    Html.escaped(figure.metric().definition()),
                    Html.escaped(name),
                    interval(mean),
                    "%,d".formatted(figure.measured().getOrDefault(name, 0)),
                    difference == null || !difference.interval().isKnown()
                        ? "–"
                        : signed(difference.interval().estimate()),
                    difference == null ? "–" : probability(difference.pValue())));
          });
    }
    return Html.table(
        List.of(
            "figure", "definition", "contestant", "value", "examples", "difference", "p, alone"),
        rows,
        Set.of(3, 4, 5, 6));
  }

  private String fields() {
    var rows = new ArrayList<List<String>>();
    for (FieldRow row : card.fields()) {
      rows.add(
          List.of(
              Html.escaped(row.field()),
              Html.escaped(row.contestant()),
              known(row.precision()),
              known(row.recall()),
              known(row.f1()),
              "%,d".formatted(row.hits()),
              "%,d".formatted(row.extra()),
              "%,d".formatted(row.missed())));
    }
    return Html.table(
        List.of("field", "contestant", "precision", "recall", "F1", "hits", "extra", "missed"),
        rows,
        Set.of(2, 3, 4, 5, 6, 7));
  }

  private static String known(double value) {
    return Double.isNaN(value) ? "–" : number(value);
  }

  private String costs() {
    var rows = new ArrayList<List<String>>();
    for (Standing standing : card.standings()) {
      rows.add(
          List.of(
              Html.escaped(standing.name()),
              Html.escaped(standing.kind()),
              said("%,.0f", standing.latencyP50()),
              said("%,.0f", standing.latencyP95()),
              said("%,.0f", standing.inputTokens()),
              said("%,.0f", standing.outputTokens()),
              said("%,.0f", standing.promptTokensSaved()),
              said("%,.2f", standing.pricePerThousand()),
              Html.escaped(standing.failures().isEmpty() ? "–" : standing.failures().toString())));
    }
    return Html.table(
        List.of(
            "contestant",
            "kind",
            "p50 ms",
            "p95 ms",
            "tokens in",
            "tokens out",
            "prompt tokens saved",
            "per 1,000 requests",
            "missing answers"),
        rows,
        Set.of(2, 3, 4, 5, 6, 7));
  }

  private static String said(String format, OptionalDouble value) {
    return value.isPresent() ? String.format(Locale.ROOT, format, value.getAsDouble()) : "–";
  }

  /** What the browser of examples needs. */
  private Map<String, Object> data() {
    var data = new LinkedHashMap<String, Object>();
    data.put("contestants", card.contestants());
    data.put("baseline", card.baseline());
    data.put("scorers", card.scored().stream().map(Scored::name).toList());
    data.put(
        "lower",
        card.scored().stream().map(it -> !it.metrics().getFirst().higherIsBetter()).toList());
    var examples = new ArrayList<Object>();
    for (int i = 0; i < card.examples().size(); i++) {
      examples.add(example(i));
    }
    data.put("examples", examples);
    return data;
  }

  private Map<String, Object> example(int index) {
    Example example = card.examples().get(index);
    var map = new LinkedHashMap<String, Object>();
    map.put("id", example.id());
    map.put("q", example.question());
    map.put("r", example.reference());
    var answers = new ArrayList<Object>();
    for (String name : card.contestants()) {
      Reply reply = card.replies().getOrDefault(name, List.of()).get(index);
      var answer = new LinkedHashMap<String, Object>();
      reply.answer().ifPresent(it -> answer.put("a", it));
      reply.error().ifPresent(it -> answer.put("e", it));
      var values = new ArrayList<@Nullable Double>();
      var fields = new ArrayList<Object>();
      for (Scored scored : card.scored()) {
        Optional<Marks> marks =
            Optional.ofNullable(scored.marks().get(name)).flatMap(all -> all.get(index));
        values.add(
            marks.map(it -> it.marks().getFirst().value()).filter(Double::isFinite).orElse(null));
        for (FieldMark field : marks.map(Marks::fields).orElse(List.of())) {
          fields.add(
              List.of(field.field(), field.expected(), field.given(), field.isRight() ? 1 : 0));
        }
      }
      answer.put("v", values);
      if (!fields.isEmpty()) {
        answer.put("f", fields);
      }
      answers.add(answer);
    }
    map.put("c", answers);
    return map;
  }
}
