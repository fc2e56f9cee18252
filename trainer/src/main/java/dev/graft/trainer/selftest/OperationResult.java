package dev.graft.trainer.selftest;

import java.util.List;

/**
 * How an operation did in all its cases.
 *
 * @param cases that there are
 * @param run of them; fewer where the device failed for good
 * @param worst the largest error, in units of what is allowed
 * @param failures a line for each case that failed
 */
public record OperationResult(
    String operation, int cases, int run, Outcome worst, List<String> failures) {

  /** In a word. */
  public enum State {
    PASS,
    FAIL,
    NOT_RUN
  }

  public OperationResult {
    failures = List.copyOf(failures);
  }

  /** Whether it did what it has to. */
  public State state() {
    if (!failures.isEmpty()) {
      return State.FAIL;
    }
    return run < cases ? State.NOT_RUN : State.PASS;
  }
}
