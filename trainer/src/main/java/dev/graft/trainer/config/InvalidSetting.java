package dev.graft.trainer.config;

/** What a record's constructor throws; the reader adds the section, the file and the line. */
public final class InvalidSetting extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  private final String key;
  private final String problem;

  /**
   * @param key the key within the record's own section, e.g. {@code rank}
   */
  InvalidSetting(String key, String problem) {
    super(key + ": " + problem);
    this.key = key;
    this.problem = problem;
  }

  String key() {
    return key;
  }

  String problem() {
    return problem;
  }

  /** Throws where something does not hold of a key of the record's own section. */
  // The annotation that is asked for would be a dependency for this one method.
  @SuppressWarnings("AnnotateFormatMethod")
  public static void unless(boolean holds, String key, String problem, Object... arguments) {
    if (!holds) {
      throw new InvalidSetting(key, problem.formatted(arguments));
    }
  }
}
