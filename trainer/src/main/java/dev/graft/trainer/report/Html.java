package dev.graft.trainer.report;

import java.util.List;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/** Text and values as HTML. Everything that comes from data passes through here. */
public final class Html {

  private Html() {}

  /** Text as it may stand between tags and within quoted attributes. */
  public static String escaped(String text) {
    var escaped = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> escaped.append("&amp;");
        case '<' -> escaped.append("&lt;");
        case '>' -> escaped.append("&gt;");
        case '"' -> escaped.append("&quot;");
        case '\'' -> escaped.append("&#39;");
        case '\0' -> escaped.append('\uFFFD');
        default -> escaped.append(c);
      }
    }
    return escaped.toString();
  }

  /**
   * A value as JSON that may stand within a {@code <script>} element: no "<" is left in it, so that
   * no text of the data can end the element or open a comment.
   */
  public static String scriptJson(Object value) {
    return JsonMapper.shared()
        .writeValueAsString(value)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029");
  }

  /** A number and what it is, side by side with others like it. */
  public record Card(String name, String value) {}

  /** The numbers that matter most, as cards in a row that wraps. */
  public static String cards(List<Card> cards) {
    return cards.stream()
        .map(card ->
            "<div class=\"card\"><div class=\"name\">%s</div><div class=\"value\">%s</div></div>"
                .formatted(escaped(card.name()), escaped(card.value())))
        .collect(Collectors.joining("\n", "<div class=\"cards\">\n", "\n</div>\n"));
  }

  /** How something is to be taken: the colour of banners and pills. */
  public enum Tone {
    GOOD,
    BAD,
    FLAT,
    WARN;

    /** The CSS class. */
    public String css() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /**
   * A line or two that nobody may miss.
   *
   * @param heading plain text
   * @param lines plain text, a point each; may be empty
   */
  public static String banner(Tone tone, String heading, List<String> lines) {
    String points =
        lines.isEmpty()
            ? ""
            : lines.stream()
                .map(line -> "<li>" + escaped(line) + "</li>")
                .collect(Collectors.joining("", "<ul>", "</ul>"));
    return "<div class=\"banner %s\"><strong>%s</strong>%s</div>\n"
        .formatted(tone.css(), escaped(heading), points);
  }

  /** A word with a coloured ground. */
  public static String pill(Tone tone, String text) {
    return "<span class=\"pill %s\">%s</span>".formatted(tone.css(), escaped(text));
  }

  /**
   * A table; cells are HTML, and those of columns named in {@code numbers} stand to the right.
   *
   * @param numbers indices of columns that hold numbers
   */
  public static String table(
      List<String> headings, List<List<String>> rows, java.util.Set<Integer> numbers) {
    var html = new StringBuilder("<div class=\"wide\"><table><thead><tr>");
    for (int i = 0; i < headings.size(); i++) {
      html.append(numbers.contains(i) ? "<th class=\"number\">" : "<th>")
          .append(escaped(headings.get(i)))
          .append("</th>");
    }
    html.append("</tr></thead><tbody>\n");
    for (List<String> row : rows) {
      html.append("<tr>");
      for (int i = 0; i < row.size(); i++) {
        html.append(numbers.contains(i) ? "<td class=\"number\">" : "<td>")
            .append(row.get(i))
            .append("</td>");
      }
      html.append("</tr>\n");
    }
    return html.append("</tbody></table></div>\n").toString();
  }
}
