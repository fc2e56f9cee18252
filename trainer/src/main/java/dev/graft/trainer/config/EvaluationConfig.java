package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.OptionalInt;

/**
 * When the validation loss is measured.
 *
 * @param every absent means at the end of every epoch
 */
public record EvaluationConfig(
    @Key("validation loss every so many steps; default: at the end of every epoch")
        OptionalInt every) {

  public EvaluationConfig {
    unless(
        every.isEmpty() || every.getAsInt() >= 1,
        "every",
        "is %d, has to be at least 1",
        every.orElse(0));
  }
}
