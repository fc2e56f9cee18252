package dev.graft.trainer.report;

import java.util.List;
import java.util.Locale;

/**
 * Estimates with their intervals on one scale, one below the other, as meta-analyses draw them.
 *
 * @param rows in the order in which they are drawn
 * @param zero whether a line marks "no difference"
 */
public record ForestPlot(List<Row> rows, boolean zero) {

  /**
   * An estimate.
   *
   * @param group a heading above the row; empty for none
   * @param label plain text
   * @param low the interval's ends, around or beside {@code estimate}
   * @param css colour: {@code s0} to {@code s5}, or {@code good}, {@code bad}, {@code flat}
   * @param text what is written beside it
   */
  public record Row(
      String group,
      String label,
      double low,
      double estimate,
      double high,
      String css,
      String text) {}

  public ForestPlot {
    rows = List.copyOf(rows);
  }

  /** The plot as HTML; empty where there is no row. */
  public String html() {
    if (rows.isEmpty()) {
      return "";
    }
    double least = rows.stream().mapToDouble(Row::low).min().orElseThrow();
    double most = rows.stream().mapToDouble(Row::high).max().orElseThrow();
    Ticks scale =
        Ticks.covering(zero ? Math.min(0, least) : least, zero ? Math.max(0, most) : most, 4);
    var html = new StringBuilder("<div class=\"forest\">\n");
    for (Row row : rows) {
      if (!row.group().isEmpty()) {
        html.append("<div class=\"group\">%s</div>".formatted(Html.escaped(row.group())));
      }
      html.append("<div class=\"label\">%s</div>".formatted(Html.escaped(row.label())));
      // On a narrow page the text stands beside the label and the track below both.
      html.append(track(row, scale));
      html.append("<div class=\"text\">%s</div>\n".formatted(Html.escaped(row.text())));
    }
    html.append("<div class=\"ticks\">");
    for (double mark : scale.marks()) {
      html.append(
          String.format(
              Locale.ROOT,
              "<span style=\"left:%.2f%%\">%s</span>",
              scale.percent(mark),
              scale.label(mark)));
    }
    return html.append("</div></div>\n").toString();
  }

  private String track(Row row, Ticks scale) {
    double left = scale.percent(row.low());
    return String.format(
        Locale.ROOT,
        "<div class=\"track %s\">%s<span class=\"bar\" style=\"left:%.2f%%;width:%.2f%%\"></span>"
            + "<span class=\"mark\" style=\"left:%.2f%%\"></span></div>",
        Html.escaped(row.css()),
        zero
            ? String.format(
                Locale.ROOT, "<span class=\"zero\" style=\"left:%.2f%%\"></span>", scale.percent(0))
            : "",
        left,
        scale.percent(row.high()) - left,
        scale.percent(row.estimate()));
  }
}
