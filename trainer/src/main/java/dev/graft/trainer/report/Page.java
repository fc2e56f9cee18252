package dev.graft.trainer.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A page of its own: style and script are in it, nothing is fetched, and its content security
 * policy forbids that anything ever is.
 */
public final class Page {

  private final String title;
  private final List<String> styles = new ArrayList<>();
  private final List<String> scripts = new ArrayList<>();
  private final StringBuilder body = new StringBuilder();
  private boolean hasCharts;

  /** An empty page with a title, plain text. */
  public Page(String title) {
    this.title = title;
    styles.add(resource("page.css"));
  }

  /** Adds HTML. */
  public Page add(String html) {
    body.append(html);
    return this;
  }

  /** Adds a chart, and with the first one what draws charts. */
  public Page add(LineChart chart) {
    if (!hasCharts) {
      hasCharts = true;
      styles.addFirst(resource(LineChart.LIBRARY + "dist/uPlot.min.css"));
      // Its licence asks to be included wherever it goes.
      scripts.add("/*!\n" + resource(LineChart.LIBRARY + "LICENSE") + "\n*/");
      script(resource(LineChart.LIBRARY + "dist/uPlot.iife.min.js"));
      script(resource("charts.js"));
    }
    return add(chart.html());
  }

  /** Adds a heading, plain text. */
  public Page section(String heading) {
    body.append("<h2>").append(Html.escaped(heading)).append("</h2>\n");
    return this;
  }

  /** Adds a paragraph of plain text that explains. */
  public Page note(String text) {
    body.append("<p class=\"soft small\">").append(Html.escaped(text)).append("</p>\n");
    return this;
  }

  /** Adds rules of this page alone. */
  public Page style(String css) {
    styles.add(css);
    return this;
  }

  /**
   * Adds a program, which runs when the page is there.
   *
   * @param javascript must not hold {@code </script}
   */
  public Page script(String javascript) {
    if (javascript.toLowerCase(java.util.Locale.ROOT).contains("</script")) {
      throw new IllegalArgumentException("the script would end its own element");
    }
    scripts.add(javascript);
    return this;
  }

  /** Adds data, which scripts find by {@code document.getElementById(id).textContent}. */
  public Page data(String id, Object value) {
    body.append("<script type=\"application/json\" id=\"")
        .append(Html.escaped(id))
        .append("\">")
        .append(Html.scriptJson(value))
        .append("</script>\n");
    return this;
  }

  /** The whole page. */
  public String html() {
    return """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
    style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
    <title>%s</title>
    <style>
    %s</style>
    </head>
    <body>
    <main>
    <h1>%s</h1>
    %s</main>
    %s</body>
    </html>
    """
        .formatted(
            Html.escaped(title),
            String.join("\n", styles),
            Html.escaped(title),
            body,
            scripts.isEmpty() ? "" : "<script>\n" + String.join("\n", scripts) + "</script>\n");
  }

  /** A text file that lies beside this class. */
  static String resource(String name) {
    return resource(Page.class, name);
  }

  /**
   * A text file that lies beside a class.
   *
   * @throws IllegalStateException if it was not packed
   */
  public static String resource(Class<?> beside, String name) {
    try (InputStream in = beside.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is missing beside " + beside.getName());
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
