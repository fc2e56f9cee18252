package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.Key;

/** Intervals and tests. */
public record StatisticsConfig(
    @Key(value = "how often the examples are drawn anew", byDefault = "10000") int resamples,
    @Key(value = "of the draws; the same seed gives the same figures", byDefault = "42")
        long seed) {

  public StatisticsConfig {
    unless(
        resamples >= 100 && resamples <= 1_000_000,
        "resamples",
        "is %d, has to be from 100 to 1,000,000",
        resamples);
  }
}
