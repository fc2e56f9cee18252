package dev.graft.trainer.compare.score;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What scorers need of Markdown. A heading is a line that starts with one to six #, or one that
 * starts with words in bold, a colon within or behind the bold aside; text may follow on the line.
 * Fenced blocks have no headings.
 */
final class Markdown {

  private static final Pattern HEADING = Pattern.compile(" {0,3}(#{1,6})\\s+(.*?)\\s*#*\\s*");
  private static final Pattern BOLD =
      Pattern.compile(
          " {0,3}(?:[-*+]\\s+|\\d+[.)]\\s+)?(?:\\*\\*|__)(.+?)(?:\\*\\*|__)\\s*:?\\s*(.*)");
  private static final Pattern FENCE = Pattern.compile(" {0,3}(```+|~~~+).*");
  private static final Pattern RULE =
      Pattern.compile("\\s*\\|?\\s*:?-+:?\\s*(\\|\\s*:?-+:?\\s*)*\\|?\\s*");

  private Markdown() {}

  /** A heading with what stands below it. */
  record Section(String heading, String text) {
    boolean is(String name) {
      return key(heading).equals(key(name));
    }

    boolean isEmpty() {
      return text.isBlank();
    }

    private static String key(String heading) {
      return Texts.normalized(
          heading.replaceAll("[*_:]+", " ").replaceFirst("^\\s*\\d+[.)]\\s+", ""));
    }
  }

  static List<Section> sections(String text) {
    var sections = new ArrayList<Section>();
    String heading = null;
    var below = new StringBuilder();
    String fence = "";
    for (String line : text.split("\\R", -1)) {
      fence = fenceAfter(line, fence);
      Matcher bold = BOLD.matcher(line);
      Matcher hashes = HEADING.matcher(line);
      boolean isHeading = fence.isEmpty() && (hashes.matches() || bold.matches());
      if (!isHeading) {
        below.append(line).append('\n');
        continue;
      }
      if (heading != null) {
        sections.add(new Section(heading, below.toString()));
      }
      below.setLength(0);
      if (hashes.matches()) {
        heading = hashes.group(2);
      } else {
        heading = bold.group(1);
        below.append(bold.group(2)).append('\n');
      }
    }
    if (heading != null) {
      sections.add(new Section(heading, below.toString()));
    }
    return sections;
  }

  /** The fence that is open behind a line; empty for none. */
  private static String fenceAfter(String line, String open) {
    Matcher fence = FENCE.matcher(line);
    if (!fence.matches()) {
      return open;
    }
    if (open.isEmpty()) {
      return fence.group(1);
    }
    return fence.group(1).startsWith(open) ? "" : open;
  }

  /** What is wrong with the text as Markdown. */
  static List<String> faults(String text) {
    var faults = new ArrayList<String>();
    String fence = "";
    int level = 0;
    int cells = 0;
    String before = "";
    for (String line : text.split("\\R", -1)) {
      fence = fenceAfter(line, fence);
      if (!fence.isEmpty()) {
        cells = 0;
        before = "";
        continue;
      }
      Matcher heading = HEADING.matcher(line);
      if (heading.matches()) {
        int now = heading.group(1).length();
        if (level > 0 && now > level + 1) {
          faults.add("heading '%s' is %d levels below the one before".formatted(line, now - level));
        }
        level = now;
      }
      boolean isRow = line.contains("|") && !line.isBlank();
      if (RULE.matcher(line).matches() && line.contains("|") && before.contains("|")) {
        cells = cells(before);
        if (cells(line) != cells) {
          faults.add("a table's rule has another number of cells than its header");
        }
      } else if (cells > 0 && isRow && cells(line) != cells) {
        faults.add("a table's row has %d cells, not %d".formatted(cells(line), cells));
      } else if (!isRow) {
        cells = 0;
      }
      before = line;
    }
    if (!fence.isEmpty()) {
      faults.add("a fenced block does not end");
    }
    return faults;
  }

  private static int cells(String row) {
    String inner = row.strip().replaceFirst("^\\|", "").replaceFirst("(?<!\\\\)\\|$", "");
    return inner.split("(?<!\\\\)\\|", -1).length;
  }
}
