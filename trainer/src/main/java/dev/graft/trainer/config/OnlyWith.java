package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * Keys that go with some choices of another key only. Where they apply they have a default, so that
 * a resolved configuration says it; elsewhere they have to be absent, so that nobody believes that
 * they do something.
 *
 * @param applies whether the choice is one that the keys go with
 * @param wanted the choices that they go with, e.g. {@code training.schedule: wsd}
 */
record OnlyWith(boolean applies, String wanted) {

  /** Keys of one schedule. */
  static OnlyWith schedule(Schedule chosen, Schedule needed) {
    return new OnlyWith(chosen == needed, "training.schedule: " + ConfigKey.written(needed));
  }

  OptionalInt resolve(String key, OptionalInt given, int byDefault) {
    check(key, given.isPresent());
    return applies ? OptionalInt.of(given.orElse(byDefault)) : given;
  }

  OptionalDouble resolve(String key, OptionalDouble given, double byDefault) {
    check(key, given.isPresent());
    return applies ? OptionalDouble.of(given.orElse(byDefault)) : given;
  }

  private void check(String key, boolean given) {
    unless(
        applies || !given, key, "has an effect with %s only; remove it (null unsets it)", wanted);
  }
}
