package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What ends a run before its last step.
 *
 * @param patience evaluations, not epochs
 * @param minImprovement in nats a token
 * @param maxMinutes of training, earlier parts of a run that was resumed included
 */
public record EarlyStoppingConfig(
    @Key(
            value =
                "end after so many evaluations in a row without a better validation loss; default:"
                    + " never",
            mayChange = true)
        OptionalInt patience,
    @Key(
            value = "what counts as better: a validation loss lower by more than this, in nats",
            byDefault = "0",
            mayChange = true)
        double minImprovement,
    @Key(
            value = "end once the validation loss is below this, in nats; default: never",
            mayChange = true)
        OptionalDouble targetLoss,
    @Key(value = "end after so many minutes of training; default: never", mayChange = true)
        OptionalDouble maxMinutes) {

  public EarlyStoppingConfig {
    unless(
        patience.isEmpty() || patience.getAsInt() >= 1,
        "patience",
        "is %d, has to be at least 1",
        patience.orElse(0));
    unless(minImprovement >= 0, "min-improvement", "is %s, has to be at least 0", minImprovement);
    unless(
        maxMinutes.isEmpty() || maxMinutes.getAsDouble() > 0,
        "max-minutes",
        "is %s, has to be above 0",
        maxMinutes.orElse(0));
  }
}
