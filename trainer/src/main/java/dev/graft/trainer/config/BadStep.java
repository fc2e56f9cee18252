package dev.graft.trainer.config;

/** What is done with an optimizer step that would do harm. */
public enum BadStep {
  /** The run ends, with everything saved up to this step. */
  STOP,
  /** The update is left out, and the run goes on with the next step. */
  SKIP
}
