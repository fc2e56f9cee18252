package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.util.List;

/** Rows of text in columns. */
final class TextTable {

  private TextTable() {}

  /**
   * Prints rows, each column as wide as its widest cell.
   *
   * @param rows of equally many cells
   */
  static void print(List<List<String>> rows, PrintWriter out) {
    if (rows.isEmpty()) {
      return;
    }
    int columns = rows.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).codePointCount(0, row.get(i).length()));
      }
    }
    for (List<String> row : rows) {
      var line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        String cell = row.get(i);
        line.append(cell).repeat(' ', widths[i] - cell.codePointCount(0, cell.length()) + 2);
      }
      out.println(line.toString().stripTrailing());
    }
  }
}
