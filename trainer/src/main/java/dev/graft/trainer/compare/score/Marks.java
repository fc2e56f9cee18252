package dev.graft.trainer.compare.score;

import java.util.List;

/**
 * What a scorer says of one answer.
 *
 * @param marks one for each of {@link Scorer#metrics()}
 * @param fields for scorers of JSON: each field, in the order of the configuration
 */
public record Marks(List<Mark> marks, List<FieldMark> fields) {

  public Marks {
    marks = List.copyOf(marks);
    fields = List.copyOf(fields);
  }

  /** Marks without fields. */
  public static Marks of(Mark... marks) {
    return new Marks(List.of(marks), List.of());
  }

  /**
   * One field of one answer.
   *
   * @param field its path
   * @param hits values that both have (true positives)
   * @param extra values that only the answer has (false positives)
   * @param missed values that only the reference has (false negatives)
   * @param expected the reference's values, for people
   * @param given the answer's values, for people
   */
  public record FieldMark(
      String field, int hits, int extra, int missed, String expected, String given) {

    /** Whether the field is as the reference has it. */
    public boolean isRight() {
      return extra == 0 && missed == 0;
    }
  }
}
