package dev.graft.trainer.report.run;

import dev.graft.trainer.report.Html;
import dev.graft.trainer.report.LineChart;
import dev.graft.trainer.report.LineChart.Series;
import dev.graft.trainer.report.LineChart.Style;
import dev.graft.trainer.report.Page;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StoredRun;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/** Two runs on one page. */
public final class ComparisonPage {

  private static final int MOST_EXAMPLES = 20;

  private final SideBySide runs;
  private final String left;
  private final String right;

  private ComparisonPage(SideBySide runs) {
    this.runs = runs;
    boolean same = runs.left().name().equals(runs.right().name());
    this.left = same ? runs.left().folder().toString() : runs.left().name();
    this.right = same ? runs.right().folder().toString() : runs.right().name();
  }

  /** The page. */
  public static String of(SideBySide runs) {
    return new ComparisonPage(runs).html();
  }

  private String html() {
    Page page = new Page(left + " and " + right).style(Page.resource(RunPage.class, "run.css"));
    page.add(
        "<p class=\"soft\">Two runs: <code>%s</code> and <code>%s</code></p>\n"
            .formatted(
                Html.escaped(runs.left().folder().toString()),
                Html.escaped(runs.right().folder().toString())));
    page.add(table("", runs.figures(), true));
    page.section("Configuration").add(table("key", runs.configuration(), false));
    List<SideBySide.Row> data = runs.data();
    page.section("Data");
    page.add(
        data.isEmpty()
            ? "<p>The same files, and the same rows of them.</p>\n"
            : table("file", data, false));
    curves(page);
    page.section("Answers").add(answers());
    return page.add(
            "<footer>Made by graft. Charts by uPlot, whose licence (MIT) is in this page's source."
                + "</footer>")
        .html();
  }

  private String table(String heading, List<SideBySide.Row> rows, boolean marks) {
    if (rows.isEmpty()) {
      return "<p>Nothing differs.</p>\n";
    }
    return Html.table(
        List.of(heading, left, right),
        rows.stream()
            .map(row ->
                Stream.of(row.name(), row.left(), row.right())
                    .map(Html::escaped)
                    .map(cell ->
                        marks && row.differs() && !cell.equals(Html.escaped(row.name()))
                            ? "<strong>" + cell + "</strong>"
                            : cell)
                    .toList())
            .toList(),
        Set.of());
  }

  private void curves(Page page) {
    var one = new Curves(runs.left().metrics(), ", " + left);
    var other = new Curves(runs.right().metrics(), ", " + right);
    page.section("Curves");
    page.add(
        new LineChart(
            "step",
            "loss, nats a token",
            List.of(
                one.smoothedLoss(0), other.smoothedLoss(1), one.validation(0), other.validation(1)),
            true));
    page.add("<div class=\"charts\">\n");
    page.add(
        new LineChart(
            "step",
            "learning rate",
            List.of(
                one.ofSteps("learning rate", StepMetrics::learningRate, Style.LINE, 0),
                other.ofSteps("learning rate", StepMetrics::learningRate, Style.LINE, 1)),
            false));
    page.add(smoothed("gradient norm, smoothed", StepMetrics::gradNorm, one, other));
    page.add(smoothed("tokens a second, smoothed", StepMetrics::tokensPerSecond, one, other));
    page.add("</div>\n");
  }

  private static LineChart smoothed(
      String y, ToDoubleFunction<StepMetrics> value, Curves one, Curves other) {
    List<Series> both = List.of(one.smoothed(y, value, 0), other.smoothed(y, value, 1));
    return new LineChart("step", y, both, true);
  }

  /** What both answer in the end to the examples that both were asked. */
  private String answers() {
    Map<String, Sample> others = last(runs.right());
    var html = new ArrayList<String>();
    last(runs.left())
        .forEach((prompt, sample) -> {
          Sample other = others.get(prompt);
          if (other != null && html.size() < MOST_EXAMPLES) {
            html.add(
                SampleList.card(
                    sample,
                    List.of(
                        new SampleList.Answer("expected", sample.expected()),
                        new SampleList.Answer(
                            "%s, step %d".formatted(left, sample.step()), sample.adapter()),
                        new SampleList.Answer(
                            "%s, step %d".formatted(right, other.step()), other.adapter()))));
          }
        });
    return html.isEmpty()
        ? "<p class=\"soft\">No example was answered by both.</p>\n"
        : String.join("", html);
  }

  private static Map<String, Sample> last(StoredRun run) {
    var last = new LinkedHashMap<String, Sample>();
    run.samples().forEach(sample -> last.put(sample.prompt(), sample));
    return last;
  }
}
