package dev.graft.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PageTest {

  private static final String HOSTILE = "</script><script>alert(1)</script> & \"it's\" <b>";

  @Test
  void nothingIsFetchedAndDataStaysData() {
    String html =
        new Page(HOSTILE)
            .section(HOSTILE)
            .note(HOSTILE)
            .add(Html.cards(List.of(new Html.Card(HOSTILE, HOSTILE))))
            .add(Html.banner(Html.Tone.WARN, HOSTILE, List.of(HOSTILE)))
            .data("d", Map.of("text", HOSTILE + "<!--"))
            .html();

    assertThat(html).doesNotContain("alert(1)</script>", "<b>", "<!--", "http://", "https://");
    assertThat(html).contains("default-src 'none'", "prefers-color-scheme: dark", "width=device");
    // The data element, and no other.
    assertThat(html.split("<script", -1)).hasSize(2);
    assertThatThrownBy(() -> new Page("x").script("a</SCRIPT>b"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, 5, 0, 1, 0.2",
    "0.13, 0.87, 5, 0.0, 1.0, 0.2",
    "-3, 17, 4, -5, 20, 5",
    "1200, 1300, 5, 1200, 1300, 20",
    "5, 5, 4, 4.5, 5.5, 0.5",
    "0, 0, 4, -1, 1, 0.5",
  })
  void scalesHaveRoundMarks(
      double least, double most, int about, double low, double high, double step) {
    Ticks ticks = Ticks.covering(least, most, about);

    assertThat(ticks.low()).isCloseTo(low, within(1e-9));
    assertThat(ticks.high()).isCloseTo(high, within(1e-9));
    assertThat(ticks.step()).isCloseTo(step, within(1e-12));
    assertThat(ticks.percent(ticks.high())).isCloseTo(100, within(1e-9));
  }

  @Test
  void marksHaveTheDigitsThatTellThemApart() {
    assertThat(Ticks.covering(0, 1, 5).marks().stream().map(Ticks.covering(0, 1, 5)::label))
        .containsExactly("0", "0.2", "0.4", "0.6", "0.8", "1.0");
    assertThat(new Ticks(0, 100, 50).label(50)).isEqualTo("50");
    assertThat(new Ticks(-0.02, 0.02, 0.01).label(-0.01)).isEqualTo("-0.01");
  }

  @Test
  void manyPointsAreThinnedWithoutLosingASpike() {
    List<LineChart.Point> points =
        new ArrayList<>(
            IntStream.range(0, 100_000).mapToObj(i -> new LineChart.Point(i, i % 7)).toList());
    points.set(54_321, new LineChart.Point(54_321, 1000));

    List<LineChart.Point> thinned = LineChart.thinned(points);

    assertThat(thinned).hasSizeLessThanOrEqualTo(1200).contains(points.get(54_321));
    assertThat(thinned).isSortedAccordingTo((a, b) -> Double.compare(a.x(), b.x()));
  }

  @Test
  void thinningKeepsGaps() {
    List<LineChart.Point> points =
        new ArrayList<>(
            IntStream.range(0, 50_000).mapToObj(i -> new LineChart.Point(i, 1)).toList());
    points.set(7, new LineChart.Point(7, Double.NaN));

    assertThat(LineChart.thinned(points)).contains(points.get(7)).contains(points.getFirst());
  }

  @Test
  void aChartSurvivesGapsAndEmptiness() {
    var gap =
        new LineChart.Series(
            "loss",
            List.of(
                new LineChart.Point(1, 2),
                new LineChart.Point(2, Double.NaN),
                new LineChart.Point(3, Double.POSITIVE_INFINITY)),
            LineChart.Style.LINE,
            0);

    String html = new LineChart("step", "loss", List.of(gap), false).html();

    assertThat(html).contains("[2.0,null,null]").doesNotContain("NaN", "Infinity");
    assertThat(new LineChart("step", "loss", List.of(), true).html())
        .contains("Nothing was measured");
  }

  @Test
  void whatDrawsChartsComesWithTheFirstOneAndWithItsLicence() {
    var one =
        new LineChart(
            HOSTILE,
            HOSTILE,
            List.of(
                new LineChart.Series(
                    HOSTILE, List.of(new LineChart.Point(1, 2)), LineChart.Style.LINE, 0)),
            true);

    String html = new Page("x").add(one).add(one).html();

    assertThat(html.split("var uPlot=", -1)).hasSize(2);
    assertThat(html).contains("The MIT License", "Permission is hereby granted");
    assertThat(html).doesNotContain("alert(1)</script>", "<b>");
  }

  @Test
  void aForestPlotPlacesEveryIntervalOnOneScale() {
    String html =
        new ForestPlot(
                List.of(
                    new ForestPlot.Row("", "exact", -0.1, 0.05, 0.2, "flat", "+0.05"),
                    new ForestPlot.Row("json", "f1", 0.2, 0.3, 0.4, "good", "+0.30")),
                true)
            .html();

    // From -0.2 to 0.4: zero at a third.
    assertThat(html).contains("class=\"zero\" style=\"left:33.33%\"");
    assertThat(html).contains("left:66.67%;width:33.33%", "class=\"group\">json");
    assertThat(new ForestPlot(List.of(), true).html()).isEmpty();
  }

  @Test
  void tablesAlignNumbers() {
    assertThat(Html.table(List.of("name", "n"), List.of(List.of("a", "1")), Set.of(1)))
        .contains("<th class=\"number\">n</th>", "<td class=\"number\">1</td>", "<td>a</td>");
  }
}
