package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Origin;
import java.util.List;

/**
 * One thing that was found, in all the rows that it concerns.
 *
 * @param severity whether training can go on with it
 * @param code a short name for programs, e.g. {@code near-duplicates}
 * @param message what was found
 * @param advice what it means and what to do
 * @param count how many rows it concerns
 * @param places the first of them, with a remark each
 */
public record Finding(
    Severity severity, String code, String message, String advice, long count, List<Place> places) {
  /** How many places a finding keeps. */
  public static final int KEPT = 1000;

  public Finding {
    places = List.copyOf(places);
  }

  /** Whether training can go on. */
  public enum Severity {
    /** Training would stop there, or learn something that nobody wants. */
    ERROR,
    /** Probably not what was meant. */
    WARNING
  }

  /**
   * A row and what it shows.
   *
   * @param origin the row; without a file where it is not one row's fault, line 0 where it is the
   *     whole file's
   * @param remark may be empty
   */
  public record Place(Origin origin, String remark) {
    @Override
    public String toString() {
      if (origin.file() == null) {
        return remark;
      }
      String where = origin.line() == 0 ? origin.file().toString() : origin.toString();
      return remark.isEmpty() ? where : where + ": " + remark;
    }
  }
}
