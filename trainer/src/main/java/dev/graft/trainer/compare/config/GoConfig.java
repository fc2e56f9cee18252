package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.Key;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * When it is a go.
 *
 * @param rules by scorer, or scorer.figure
 */
public record GoConfig(
    @Key(value = "the contestant that it is about", required = true) String contestant,
    @Key(value = "share of missing answers that is allowed", byDefault = "0") double missing,
    @Key(value = "by scorer, or scorer/figure, e.g. json/parses-strict", required = true)
        Map<String, Rule> rules) {

  public GoConfig {
    unless(missing >= 0 && missing < 1, "missing", "is %s, has to be from 0 to below 1", missing);
    unless(!rules.isEmpty(), "rules", "names none");
  }

  /** What has to hold of one figure; all that is said has to hold. */
  public record Rule(
      @Key("the figure is at least this") OptionalDouble atLeast,
      @Key("the figure is at most this") OptionalDouble atMost,
      @Key("the whole interval of the difference to this contestant is above minus the margin")
          Optional<String> noWorseThan,
      @Key(value = "how much worse is still no worse", byDefault = "0") double margin,
      @Key("the difference to this contestant is shown to be for the better")
          Optional<String> betterThan) {

    public Rule {
      unless(margin >= 0, "margin", "is below 0");
      unless(
          atLeast.isPresent()
              || atMost.isPresent()
              || noWorseThan.isPresent()
              || betterThan.isPresent(),
          "at-least",
          "a rule needs at-least, at-most, no-worse-than or better-than");
    }

    List<String> others() {
      var others = new ArrayList<String>();
      noWorseThan.ifPresent(others::add);
      betterThan.ifPresent(others::add);
      return others;
    }
  }
}
