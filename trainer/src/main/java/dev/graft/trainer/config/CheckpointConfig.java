package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

/**
 * When the run is saved while it goes on, and which of its adapters is the result.
 *
 * @param every 0 means only when the run ends
 */
public record CheckpointConfig(
    @Key(
            value = "checkpoint every so many steps; 0 for only when the run ends",
            byDefault = "50",
            mayChange = true)
        int every,
    @Key(
            value = "how many of the newest checkpoints to keep, beside the best",
            byDefault = "3",
            mayChange = true)
        int keep,
    @Key(
            value =
                "what adapter/ is in the end: best (of the lowest validation loss, the last where"
                    + " there is no validation), or last",
            byDefault = "best",
            mayChange = true)
        RunOutcome result) {

  public CheckpointConfig {
    unless(every >= 0, "every", "is %d, has to be at least 0", every);
    unless(keep >= 1, "keep", "is %d, has to be at least 1", keep);
  }
}
