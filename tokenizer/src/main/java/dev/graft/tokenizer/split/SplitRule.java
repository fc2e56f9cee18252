package dev.graft.tokenizer.split;

import dev.graft.tokenizer.DataException;

/** How rows are put on a side, the option {@code --by}. */
public sealed interface SplitRule {
  /** By what is in the row: the same row always lands on the same side. */
  record ByHash() implements SplitRule {}

  /**
   * Rows that have the same value stay together: all visits of a patient, say.
   *
   * @param field a key of the rows
   */
  record ByGroup(String field) implements SplitRule {}

  /**
   * The latest rows are held out, as the future is when the model serves.
   *
   * @param field a key of the rows, a number or an ISO 8601 date
   */
  record ByTime(String field) implements SplitRule {}

  /**
   * Reads {@code hash}, {@code group:FIELD} or {@code time:FIELD}.
   *
   * @throws DataException for anything else
   */
  static SplitRule parse(String text) {
    if (text.equals("hash")) {
      return new ByHash();
    }
    if (text.startsWith("group:") && text.length() > 6) {
      return new ByGroup(text.substring(6));
    }
    if (text.startsWith("time:") && text.length() > 5) {
      return new ByTime(text.substring(5));
    }
    throw new DataException(
        "--by: is '" + text + "', one of hash, group:FIELD, time:FIELD is needed");
  }
}
