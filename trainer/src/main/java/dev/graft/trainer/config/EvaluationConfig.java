package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.OptionalInt;

/**
 * When the validation loss is measured, and what is to be seen then.
 *
 * @param every absent means at the end of every epoch
 */
public record EvaluationConfig(
    @Key(
            value = "validation loss every so many steps; default: at the end of every epoch",
            mayChange = true)
        OptionalInt every,
    @Key(
            value =
                "so many validation examples are answered at every evaluation, by the base and by"
                    + " the adapter, and kept in samples.jsonl",
            byDefault = "0",
            mayChange = true)
        int samples,
    @Key(value = "longest such answer, in tokens", byDefault = "128", mayChange = true)
        int sampleTokens) {

  public EvaluationConfig {
    unless(
        every.isEmpty() || every.getAsInt() >= 1,
        "every",
        "is %d, has to be at least 1",
        every.orElse(0));
    unless(samples >= 0, "samples", "is %d, has to be at least 0", samples);
    unless(sampleTokens >= 1, "sample-tokens", "is %d, has to be at least 1", sampleTokens);
  }
}
