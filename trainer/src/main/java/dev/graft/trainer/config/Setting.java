package dev.graft.trainer.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What somebody wrote for a key.
 *
 * @param value as written
 * @param place where, for errors: {@code recipe.yaml:7} or {@code --set lora.rank=8}
 * @param besides the folder of the file that says so; inputs are looked for there, too
 */
record Setting(Value value, String place, Optional<Path> besides) {

  /** A YAML value, before anybody knows what type it should have. */
  sealed interface Value {}

  /** Text that YAML takes for a string. */
  record Text(String text) implements Value {}

  /** Text that YAML takes for a whole number. */
  record Whole(String text) implements Value {}

  /** Text that YAML takes for a number with a fraction or an exponent. */
  record Real(String text) implements Value {}

  /** true or false. */
  record Truth(boolean value) implements Value {}

  /** Nothing: the key's default applies. */
  record Unset() implements Value {}

  /** A list. */
  record Items(List<Value> values) implements Value {}

  /** Keys with values of their own. */
  record Fields(Map<String, Value> values) implements Value {}

  /** How an error quotes it. */
  static String quoted(Value value) {
    return switch (value) {
      case Text text -> "'" + text.text() + "'";
      case Whole number -> number.text();
      case Real number -> number.text();
      case Truth truth -> String.valueOf(truth.value());
      case Unset _ -> "nothing";
      case Items _ -> "a list";
      case Fields _ -> "keys with values of their own";
    };
  }
}
