package dev.graft.trainer.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Curves over a common x, drawn by <a href="https://github.com/leeoniya/uPlot">uPlot</a>, which
 * becomes part of the page. The values under the pointer are shown, a stretch that is drawn over is
 * enlarged.
 *
 * @param x what the x axis shows, plain text
 * @param y what the y axis shows, plain text
 * @param series in the order in which they are drawn, the last on top
 * @param logarithmic whether a reader may choose a logarithmic y axis
 */
public record LineChart(String x, String y, List<Series> series, boolean logarithmic) {

  /** Where the library lies on the class path. */
  static final String LIBRARY = "/META-INF/resources/webjars/uplot/1.6.30/";

  /** More points than a screen has columns show nothing more. */
  private static final int MAX_POINTS = 1200;

  /** How a curve is drawn. */
  public enum Style {
    /** As a line. */
    LINE,
    /** As a line that stands back behind others. */
    FAINT,
    /** As a line with a dot at each of its few points. */
    DOTS
  }

  /**
   * One curve.
   *
   * @param points in ascending x; those whose y is not finite leave a gap
   * @param colour 0 to 5, the colours that page.css has for data
   */
  public record Series(String name, List<Point> points, Style style, int colour) {
    public Series {
      points = List.copyOf(points);
      if (colour < 0 || colour > 5) {
        throw new IllegalArgumentException("colours are 0 to 5, not " + colour);
      }
    }
  }

  /** A place on a curve. */
  public record Point(double x, double y) {}

  public LineChart {
    series = series.stream().filter(it -> !it.points().isEmpty()).toList();
  }

  /** The chart as HTML; a sentence where there is nothing to draw. */
  String html() {
    Stream<Point> points = series.stream().flatMap(it -> it.points().stream());
    if (points.noneMatch(point -> Double.isFinite(point.y()))) {
      return "<p class=\"soft\">Nothing was measured for this chart.</p>\n";
    }
    String choice =
        logarithmic
            ? """
            <span class="scale noprint" role="group" aria-label="scale of the y axis">\
            <button type="button" aria-pressed="true">linear</button>\
            <button type="button" aria-pressed="false">log</button></span>\
            """
            : "";
    return """
    <figure class="chart" data-chart="%s" aria-label="%s over %s">
    <figcaption><span>%s</span>%s</figcaption>
    <div class="plot"></div>
    </figure>
    """
        .formatted(
            Html.escaped(Html.scriptJson(data())),
            Html.escaped(y),
            Html.escaped(x),
            Html.escaped(y),
            choice);
  }

  /** What charts.js needs. */
  private Map<String, Object> data() {
    var data = new LinkedHashMap<String, Object>();
    data.put("x", x);
    data.put("series", series.stream().map(LineChart::data).toList());
    return data;
  }

  private static Map<String, Object> data(Series series) {
    List<Point> points = thinned(series.points());
    var data = new LinkedHashMap<String, Object>();
    data.put("name", series.name());
    data.put("style", series.style().name().toLowerCase(Locale.ROOT));
    data.put("colour", series.colour());
    data.put("x", points.stream().map(point -> rounded(point.x())).toList());
    var y = new ArrayList<@Nullable Double>();
    points.forEach(point -> y.add(Double.isFinite(point.y()) ? rounded(point.y()) : null));
    data.put("y", y);
    return data;
  }

  /** As many digits as anybody can see. */
  private static Double rounded(double value) {
    return Double.valueOf(String.format(Locale.ROOT, "%.7g", value));
  }

  /**
   * The least and the largest of each stretch, so that no spike is lost; and one gap, if it has
   * any.
   */
  static List<Point> thinned(List<Point> points) {
    if (points.size() <= MAX_POINTS) {
      return points;
    }
    int stretches = MAX_POINTS / 3;
    var thinned = new ArrayList<Point>();
    for (int s = 0; s < stretches; s++) {
      int from = (int) ((long) points.size() * s / stretches);
      int to = (int) ((long) points.size() * (s + 1) / stretches);
      int least = -1;
      int most = -1;
      int gap = -1;
      for (int i = from; i < to; i++) {
        double y = points.get(i).y();
        if (!Double.isFinite(y)) {
          gap = i;
          continue;
        }
        least = least < 0 || y < points.get(least).y() ? i : least;
        most = most < 0 || y > points.get(most).y() ? i : most;
      }
      Stream.of(least, most, gap)
          .filter(i -> i >= 0)
          .distinct()
          .sorted()
          .map(points::get)
          .forEach(thinned::add);
    }
    return thinned;
  }
}
