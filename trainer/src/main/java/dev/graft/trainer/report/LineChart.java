package dev.graft.trainer.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Curves over a common x. The picture stretches with the page while its labels keep their size,
 * since those are HTML beside the SVG; the values under the pointer are shown.
 *
 * @param x what the x axis shows, plain text
 * @param y what the y axis shows, plain text
 * @param series up to six
 */
public record LineChart(String x, String y, List<Series> series) {

  /** More points than a screen has columns show nothing more. */
  private static final int MAX_POINTS = 1200;

  /** One curve may be drawn as a line or, for a few measurements, with a dot each. */
  public enum Style {
    LINE,
    DOTS
  }

  /**
   * One curve.
   *
   * @param points in ascending x; those that are not finite leave a gap
   */
  public record Series(String name, List<Point> points, Style style) {
    public Series {
      points = List.copyOf(points);
    }

    /** A plain line. */
    public Series(String name, List<Point> points) {
      this(name, points, Style.LINE);
    }
  }

  /** A place on a curve. */
  public record Point(double x, double y) {
    boolean isFinite() {
      return Double.isFinite(x) && Double.isFinite(y);
    }
  }

  public LineChart {
    series = List.copyOf(series);
    if (series.size() > 6) {
      throw new IllegalArgumentException("a chart tells six curves apart, not " + series.size());
    }
  }

  /** The chart as HTML; a sentence where there is nothing to draw. */
  public String html() {
    List<Point> all =
        series.stream().flatMap(it -> it.points().stream()).filter(Point::isFinite).toList();
    if (all.isEmpty()) {
      return "<p class=\"soft\">Nothing was measured for this chart.</p>\n";
    }
    Ticks across =
        Ticks.covering(
            all.stream().mapToDouble(Point::x).min().orElseThrow(),
            all.stream().mapToDouble(Point::x).max().orElseThrow(),
            6);
    Ticks up =
        Ticks.covering(
            all.stream().mapToDouble(Point::y).min().orElseThrow(),
            all.stream().mapToDouble(Point::y).max().orElseThrow(),
            5);
    var html = new StringBuilder(legend());
    html.append("<div class=\"chart\" data-series=\"")
        .append(Html.escaped(Html.scriptJson(data(across))))
        .append("\"><div class=\"soft small\">")
        .append(Html.escaped(y))
        .append("</div><div class=\"plot\">\n")
        .append("<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\"")
        .append(" aria-label=\"%s over %s\">\n".formatted(Html.escaped(y), Html.escaped(x)));
    for (double mark : up.marks()) {
      double place = 100 - up.percent(mark);
      html.append(line("<path class=\"grid\" d=\"M0 %.3fH100\"/>", place));
    }
    for (int i = 0; i < series.size(); i++) {
      html.append(curve(series.get(i), i, across, up));
    }
    html.append("</svg>\n");
    for (double mark : up.marks()) {
      html.append(
          line("<span class=\"y\" style=\"top:%.3f%%\">", 100 - up.percent(mark))
              + up.label(mark)
              + "</span>");
    }
    for (double mark : across.marks()) {
      html.append(
          line("<span class=\"x\" style=\"left:%.3f%%\">", across.percent(mark))
              + across.label(mark)
              + "</span>");
    }
    return html.append("<div class=\"tip\" hidden></div></div><div class=\"below\">")
        .append(Html.escaped(x))
        .append("</div></div>\n")
        .toString();
  }

  private static String line(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private String legend() {
    var html = new StringBuilder("<div class=\"legend\">");
    for (int i = 0; i < series.size(); i++) {
      html.append(
          "<span class=\"s%d\"><i></i>%s</span>".formatted(i, Html.escaped(series.get(i).name())));
    }
    return html.append("</div>\n").toString();
  }

  private static String curve(Series series, int index, Ticks across, Ticks up) {
    var path = new StringBuilder();
    boolean pen = false;
    for (Point point : thinned(series.points())) {
      if (!point.isFinite()) {
        pen = false;
        continue;
      }
      path.append(
          String.format(
              Locale.ROOT,
              "%s%.3f %.3f%s",
              pen ? "L" : "M",
              across.percent(point.x()),
              100 - up.percent(point.y()),
              // A stroke without length is a dot, as its caps are round.
              series.style() == Style.DOTS ? "h0" : ""));
      pen = series.style() == Style.LINE;
    }
    return "<path class=\"%s s%d\" d=\"%s\"/>\n"
        .formatted(series.style() == Style.DOTS ? "dots" : "curve", index, path);
  }

  private Map<String, Object> data(Ticks across) {
    var data = new LinkedHashMap<String, Object>();
    data.put("x", x);
    data.put("x0", across.low());
    data.put("x1", across.high());
    data.put(
        "series",
        series.stream()
            .map(it ->
                Map.of(
                    "name",
                    it.name(),
                    "points",
                    thinned(it.points()).stream()
                        .filter(Point::isFinite)
                        .map(point -> List.of(rounded(point.x()), rounded(point.y())))
                        .toList()))
            .toList());
    return data;
  }

  private static double rounded(double value) {
    return Double.parseDouble(String.format(Locale.ROOT, "%.6g", value));
  }

  /** The least and the largest of each stretch, so that no spike is lost. */
  static List<Point> thinned(List<Point> points) {
    if (points.size() <= MAX_POINTS) {
      return points;
    }
    int stretches = MAX_POINTS / 2;
    var thinned = new ArrayList<Point>();
    for (int s = 0; s < stretches; s++) {
      int from = (int) ((long) points.size() * s / stretches);
      int to = (int) ((long) points.size() * (s + 1) / stretches);
      int least = from;
      int most = from;
      for (int i = from + 1; i < to; i++) {
        least = points.get(i).y() < points.get(least).y() ? i : least;
        most = points.get(i).y() > points.get(most).y() ? i : most;
      }
      thinned.add(points.get(Math.min(least, most)));
      if (least != most) {
        thinned.add(points.get(Math.max(least, most)));
      }
    }
    return thinned;
  }
}
