package dev.graft.trainer.cli;

import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.check.CheckReport;
import dev.graft.tokenizer.check.Finding;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A check's report as a page that needs nothing else. */
final class CheckPage {

  private static final String STYLE =
      """
      :root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--paper:#fff;--card:#f6f8fa;
      --line:#d1d9e0;--good:#0b5d1e;--goodback:#c8efd2;--error:#b3261e;--warning:#8a5a00;--bar:#4c8dd6}
      @media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0d1117;
      --card:#161b22;--line:#30363d;--good:#b6f2c3;--goodback:#14492a;--error:#ff8a80;
      --warning:#e8b54a;--bar:#4c8dd6}}
      *{box-sizing:border-box}
      body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:62rem;margin:0 auto;
      padding:2rem 1rem 4rem;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
      h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}
      h2{font-size:1.2rem;margin:2.5rem 0 .75rem}
      h3{font-size:1rem;margin:1.75rem 0 .5rem;font-weight:600}
      .soft{color:var(--soft)}
      .card{background:var(--card);border:1px solid var(--line);border-left-width:4px;
      border-radius:8px;padding:.75rem 1rem;margin:.75rem 0}
      .card p{margin:.25rem 0}
      .error{border-left-color:var(--error)}.warning{border-left-color:var(--warning)}
      .error b:first-child{color:var(--error)}.warning b:first-child{color:var(--warning)}
      .clean{border-left-color:var(--good)}
      code{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
      summary{cursor:pointer;color:var(--soft)}
      ul{margin:.4rem 0;padding-left:1.2rem}
      dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.25rem;margin:0}
      dt{color:var(--soft)}dd{margin:0}
      .bars{display:grid;grid-template-columns:max-content max-content 1fr;gap:.3rem .75rem;
      align-items:center;font-variant-numeric:tabular-nums;margin-top:1rem}
      .bars span{text-align:right}
      .bars i{display:block;height:.9rem;background:var(--bar);border-radius:3px;min-width:2px}
      pre{font:.85rem/1.7 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;
      overflow-wrap:anywhere;margin:0;background:var(--card);border:1px solid var(--line);
      border-radius:8px;padding:1rem;color:var(--soft)}
      pre s{text-decoration:none;border-radius:2px;box-shadow:inset -1px 0 var(--line)}
      s.l{background:var(--goodback);color:var(--good)}
      pre i{font-style:normal;opacity:.55;user-select:none}
      s:hover{outline:2px solid var(--bar)}
      @media(max-width:34rem){body{padding-top:1rem}dl{grid-template-columns:1fr;gap:0}
      dd{margin-bottom:.6rem}}
      """;

  private final StringBuilder html = new StringBuilder();

  CheckPage(String title, CheckReport report, CheckPrinter words) {
    html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>")
        .append(escaped(title))
        .append("</title>\n<style>\n")
        .append(STYLE)
        .append("</style></head><body>\n<h1>")
        .append(escaped(title))
        .append("</h1>\n<p class=\"soft\">")
        .append(escaped(CheckPrinter.summary(report)))
        .append("</p>\n");
    report
        .notes()
        .forEach(note -> html.append("<p class=\"soft\">").append(escaped(note)).append("</p>\n"));
    html.append("<h2>Findings</h2>\n");
    if (report.findings().isEmpty()) {
      html.append("<div class=\"card clean\"><p>Nothing was found.</p></div>\n");
    }
    report.findings().forEach(this::finding);
    html.append("<h2>Numbers</h2>\n<dl>\n");
    words.lines(report.statistics()).forEach(this::number);
    html.append("</dl>\n");
    histogram(report.statistics().histogram());
  }

  private void finding(Finding finding) {
    String severity = finding.severity().name().toLowerCase(Locale.ROOT);
    html.append("<div class=\"card ").append(severity).append("\"><p><b>").append(severity);
    html.append("</b> ").append(escaped(finding.message()));
    html.append(" <code class=\"soft\">").append(finding.code()).append("</code></p>\n<p>");
    html.append(escaped(finding.advice())).append("</p>\n");
    if (!finding.places().isEmpty()) {
      boolean error = finding.severity() == Finding.Severity.ERROR;
      html.append(error ? "<details open><summary>" : "<details><summary>");
      html.append(
          finding.count() > finding.places().size()
              ? "The first %,d of %,d".formatted(finding.places().size(), finding.count())
              : "Where");
      html.append("</summary><ul>\n");
      finding
          .places()
          .forEach(
              place -> html.append("<li>").append(escaped(place.toString())).append("</li>\n"));
      html.append("</ul></details>");
    }
    html.append("</div>\n");
  }

  private void number(String name, String value) {
    html.append("<dt>").append(escaped(name)).append("</dt><dd>");
    html.append(escaped(value)).append("</dd>\n");
  }

  private void histogram(Map<Integer, Integer> histogram) {
    if (histogram.isEmpty()) {
      return;
    }
    int most = histogram.values().stream().mapToInt(it -> it).max().orElse(1);
    html.append("<h3>Tokens per conversation</h3>\n<div class=\"bars\">\n");
    histogram.forEach((bound, rows) ->
        html.append("<span>up to %,d</span><span>%,d</span>".formatted(bound, rows))
            .append("<i style=\"width:%.1f%%\"></i>\n".formatted(100.0 * rows / most)));
    html.append("</div>\n");
  }

  /** Adds conversations, token by token. */
  CheckPage rows(List<TokenSequence> sequences, TokenView view, String chatFormat) {
    html.append("<h2>Conversations</h2>\n<p class=\"soft\">Chat format: ")
        .append(escaped(chatFormat))
        .append(".</p>\n<p>On <s class=\"l\" style=\"text-decoration:none;padding:0 .3em\">green")
        .append("</s> are the tokens that are learned; the others are only read. Each token's id")
        .append(" shows when the pointer rests on it.</p>\n");
    for (TokenSequence sequence : sequences) {
      html.append("<h3>").append(escaped(sequence.toString())).append("</h3>\n<pre>");
      view.shown(sequence).forEach(this::token);
      html.append("</pre>\n");
    }
    return this;
  }

  private void token(TokenView.Shown token) {
    html.append(token.learned() ? "<s class=\"l\" title=\"" : "<s title=\"");
    html.append(token.id()).append("\">");
    html.append(escaped(token.text()).replace("\n", "<i>↵</i>\n")).append("</s>");
  }

  String html() {
    return html + "</body></html>\n";
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
