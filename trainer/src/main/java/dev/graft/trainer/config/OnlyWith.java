package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;

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

  /** A constant that some optimizers have: the chosen one's, unless another is given. */
  static OptionalDouble constant(
      String key,
      OptimizerKind chosen,
      OptionalDouble given,
      Function<OptimizerKind, OptionalDouble> constant) {
    String owners =
        Arrays.stream(OptimizerKind.values())
            .filter(kind -> constant.apply(kind).isPresent())
            .map(ConfigKey::written)
            .collect(Collectors.joining(", "));
    OptionalDouble byDefault = constant.apply(chosen);
    return new OnlyWith(byDefault.isPresent(), "training.optimizer: " + owners)
        .resolve(key, given, byDefault.orElse(0));
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
