package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Origin;
import java.util.ArrayList;
import java.util.List;

/** Rows that have something in common: their number, and the first of them by name. */
final class Places {
  private final List<Finding.Place> first = new ArrayList<>();
  private long count;

  void add(Origin origin, String remark) {
    count++;
    if (first.size() < Finding.NAMED) {
      first.add(new Finding.Place(origin, remark));
    }
  }

  long count() {
    return count;
  }

  /** Reports them, if there are any. */
  void report(
      Finding.Severity severity, String code, String message, String advice, List<Finding> to) {
    if (count > 0) {
      to.add(new Finding(severity, code, message.formatted(count), advice, count, first));
    }
  }

  void warn(String code, String message, String advice, List<Finding> to) {
    report(Finding.Severity.WARNING, code, message, advice, to);
  }
}
