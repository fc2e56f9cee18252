package dev.graft.trainer.runs;

import java.util.Locale;

/** How a run stands. */
public enum RunStatus {
  /** A process is at it. */
  RUNNING,
  /** All its steps are done, or a condition of {@code early-stopping} has ended it. */
  FINISHED,
  /** Somebody asked it to stop; it saved. */
  STOPPED,
  /** Loss or gradients were not finite, or the loss was a spike. */
  DIVERGED,
  /** It ended without being asked to: killed, out of memory, the disk full. */
  BROKEN;

  /** As it is written in files and said to a person. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
