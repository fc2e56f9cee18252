package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.Key;

/** What own hardware costs, in the currency of the prices. */
public record HardwareCost(
    @Key(value = "depreciation, power and care, per month", required = true) double perMonth,
    @Key(value = "the contestant that runs on it", required = true) String contestant,
    @Key(value = "the contestant that it would replace, which has a price", required = true)
        String against) {

  public HardwareCost {
    unless(perMonth > 0, "per-month", "has to be above 0");
  }
}
