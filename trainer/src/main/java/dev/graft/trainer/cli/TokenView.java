package dev.graft.trainer.cli;

import dev.graft.tokenizer.StreamingDecoder;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** Shows which tokens of a conversation are learned: in colours, in marks, or as a page. */
final class TokenView {

  private static final String LEARNED = "\033[1;32m";
  private static final String IGNORED = "\033[2m";
  private static final String END = "\033[0m";

  /**
   * A token.
   *
   * @param text what it adds to the text; empty while a character is not complete
   */
  private record Shown(int id, String text, boolean learned) {}

  private final Tokenizer tokenizer;

  TokenView(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  private List<Shown> shown(TokenSequence sequence) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(false);
    List<Shown> tokens = new ArrayList<>();
    for (int i = 0; i < sequence.length(); i++) {
      int id = sequence.inputIds()[i];
      tokens.add(new Shown(id, decoder.next(id), sequence.target()[i]));
    }
    return tokens;
  }

  /** For a terminal: learned tokens bold and green, the others dim. */
  String coloured(TokenSequence sequence) {
    return marked(sequence, LEARNED, END, IGNORED, END);
  }

  /** For a log: learned tokens stand between ⟦ and ⟧. */
  String marked(TokenSequence sequence) {
    return marked(sequence, "⟦", "⟧", "", "");
  }

  private String marked(
      TokenSequence sequence, String on, String off, String ignoredOn, String ignoredOff) {
    StringBuilder text = new StringBuilder(sequence.toString()).append('\n');
    Boolean before = null;
    for (Shown token : shown(sequence)) {
      if (before == null || before != token.learned()) {
        text.append(before == null ? "" : before ? off : ignoredOff);
        text.append(token.learned() ? on : ignoredOn);
        before = token.learned();
      }
      // Control characters of the data must not steer the terminal.
      text.append(token.text().replaceAll("[\\p{Cc}&&[^\\n\\t]]", "\uFFFD"));
    }
    return text.append(before == null ? "" : before ? off : ignoredOff).append('\n').toString();
  }

  /** A page that needs nothing else. */
  String page(String title, List<TokenSequence> sequences) {
    StringBuilder html = new StringBuilder();
    html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>")
        .append(escaped(title))
        .append("</title>\n<style>\n")
        .append("body{font:15px/1.6 system-ui,sans-serif;max-width:60em;margin:2em auto;")
        .append("padding:0 1em;color:#222;background:#fff}\n")
        .append("pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #ccc;")
        .append("padding:1em;border-radius:6px}\n")
        .append("span{border-right:1px solid #ddd;color:#777}\n")
        .append("span.l{background:#c9efd0;color:#083d15}\n</style></head><body>\n<h1>")
        .append(escaped(title))
        .append("</h1>\n<p><span class=\"l\">Green</span> tokens are learned, grey ones are read")
        .append(" only. Hold the pointer over a token for its id.</p>\n");
    for (TokenSequence sequence : sequences) {
      html.append("<h2>").append(escaped(sequence.toString())).append("</h2>\n<pre>");
      for (Shown token : shown(sequence)) {
        html.append(token.learned() ? "<span class=\"l\" title=\"" : "<span title=\"")
            .append(token.id())
            .append("\">")
            .append(escaped(token.text()))
            .append("</span>");
      }
      html.append("</pre>\n");
    }
    return html.append("</body></html>\n").toString();
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
