package dev.graft.trainer.train;

/** What a run does with a folder that may hold one already. */
public enum RunStart {
  /** Refuses a folder that holds a run. */
  NEW,
  /** Takes the place of a run that the folder holds. */
  OVERWRITE,
  /** Goes on from the newest checkpoint; begins where there is none. */
  RESUME
}
