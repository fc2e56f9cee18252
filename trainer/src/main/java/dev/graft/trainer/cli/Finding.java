package dev.graft.trainer.cli;

/**
 * One thing that {@code graft doctor} found.
 *
 * @param area what it belongs to: system, java, libraries, gpu, choice
 * @param name what was looked at
 * @param value what was found
 * @param state whether that is well
 * @param advice what to do, or why it matters; may be empty
 */
record Finding(String area, String name, String value, State state, String advice) {

  /** How a finding matters. */
  enum State {
    /** As it should be. */
    OK,
    /** Training works, but something could be better. */
    NOTE,
    /** Training will not work. */
    BROKEN
  }

  static Finding ok(String area, String name, String value) {
    return new Finding(area, name, value, State.OK, "");
  }

  static Finding note(String area, String name, String value, String advice) {
    return new Finding(area, name, value, State.NOTE, advice);
  }

  static Finding broken(String area, String name, String value, String advice) {
    return new Finding(area, name, value, State.BROKEN, advice);
  }
}
