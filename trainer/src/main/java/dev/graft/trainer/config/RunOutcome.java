package dev.graft.trainer.config;

/** Which adapter a run's result is. */
public enum RunOutcome {
  /** The one with the lowest validation loss; the last where nothing was validated. */
  BEST,
  /** The one after the last step. */
  LAST
}
