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
    if (first.size() < Finding.KEPT) {
      first.add(new Finding.Place(origin, remark));
    }
  }

  long count() {
    return count;
  }

  /**
   * Reports them, if there are any.
   *
   * @param message {@code %s} is their number with {@code noun} in singular or plural
   */
  void report(
      Finding.Severity severity,
      String code,
      Noun noun,
      String message,
      String advice,
      List<Finding> to) {
    if (count > 0) {
      to.add(new Finding(severity, code, message.formatted(noun.of(count)), advice, count, first));
    }
  }

  void warn(String code, Noun noun, String message, String advice, List<Finding> to) {
    report(Finding.Severity.WARNING, code, noun, message, advice, to);
  }

  /** What is counted, in words. */
  enum Noun {
    ROW("row", "rows"),
    CONVERSATION("conversation", "conversations"),
    ANSWER("answer", "answers"),
    VALIDATION("validation conversation", "validation conversations"),
    VALIDATION_PROMPT("validation prompt", "validation prompts");

    private final String one;
    private final String many;

    Noun(String one, String many) {
      this.one = one;
      this.many = many;
    }

    String of(long count) {
      return "%,d %s".formatted(count, count == 1 ? one : many);
    }
  }
}
