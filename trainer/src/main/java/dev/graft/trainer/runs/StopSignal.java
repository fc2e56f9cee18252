package dev.graft.trainer.runs;

import java.util.concurrent.atomic.AtomicBoolean;

/** Somebody's wish that a run save what it has and end. Any thread may ask; the run looks. */
public final class StopSignal {

  private final AtomicBoolean requested = new AtomicBoolean();

  /** Asks the run to stop after the step it is in. */
  public void request() {
    requested.set(true);
  }

  /** Whether anybody has asked. */
  public boolean requested() {
    return requested.get();
  }
}
