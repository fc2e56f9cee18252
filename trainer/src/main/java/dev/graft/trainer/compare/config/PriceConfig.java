package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.Key;

/** What a provider asks, in any one currency. */
public record PriceConfig(
    @Key(value = "per million tokens read", required = true) double input,
    @Key(value = "per million tokens written", required = true) double output) {

  public PriceConfig {
    unless(input >= 0, "input", "is below 0");
    unless(output >= 0, "output", "is below 0");
  }
}
