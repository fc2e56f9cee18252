package dev.graft.trainer.config;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Turns what was written for a key into the value that its record takes, or says why not. */
final class Values {

  private final boolean inputsHaveToExist;

  Values(boolean inputsHaveToExist) {
    this.inputsHaveToExist = inputsHaveToExist;
  }

  /**
   * The value of a key.
   *
   * @param setting null where nothing was written and there is no default
   */
  Object convert(ConfigKey key, @Nullable Setting setting) {
    Class<?> type = key.type();
    if (setting == null) {
      return absent(key);
    } else if (type == List.class) {
      return list(key, setting);
    } else if (type == OptionalInt.class) {
      return OptionalInt.of((int) whole(key, setting, Integer.MIN_VALUE, Integer.MAX_VALUE));
    } else if (type == int.class) {
      return (int) whole(key, setting, Integer.MIN_VALUE, Integer.MAX_VALUE);
    } else if (type == long.class) {
      return whole(key, setting, Long.MIN_VALUE, Long.MAX_VALUE);
    } else if (type == OptionalDouble.class) {
      return OptionalDouble.of(real(key, setting));
    } else if (type == double.class) {
      return real(key, setting);
    } else if (type == boolean.class) {
      return truth(key, setting);
    } else if (type.isEnum()) {
      return choice(key, setting);
    }
    Object single = single(key, setting, setting.value());
    return type == Optional.class ? Optional.of(single) : single;
  }

  private static Object absent(ConfigKey key) {
    Class<?> type = key.type();
    if (type == OptionalInt.class) {
      return OptionalInt.empty();
    } else if (type == OptionalDouble.class) {
      return OptionalDouble.empty();
    } else if (type == Optional.class) {
      return Optional.empty();
    } else if (type == List.class) {
      return List.of();
    }
    throw new IllegalStateException(key.path() + " has neither a value nor a default");
  }

  private static long whole(ConfigKey key, Setting setting, long least, long most) {
    if (!(setting.value() instanceof Setting.Whole(String text))) {
      throw wrong(key, setting, setting.value(), "a whole number is needed");
    }
    var number = new BigInteger(text);
    if (number.compareTo(BigInteger.valueOf(least)) < 0
        || number.compareTo(BigInteger.valueOf(most)) > 0) {
      throw wrong(key, setting, setting.value(), "which is too large a number");
    }
    return number.longValue();
  }

  private static double real(ConfigKey key, Setting setting) {
    String text =
        switch (setting.value()) {
          case Setting.Whole number -> number.text();
          case Setting.Real number -> number.text();
          case Setting.Value other -> throw wrong(key, setting, other, "a number is needed");
        };
    try {
      double value = Double.parseDouble(text);
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // YAML's .inf and .nan come here; they are refused below like an overflow.
    }
    throw wrong(key, setting, setting.value(), "a finite number is needed");
  }

  private static boolean truth(ConfigKey key, Setting setting) {
    if (setting.value() instanceof Setting.Truth(boolean value)) {
      return value;
    }
    throw wrong(key, setting, setting.value(), "write true or false");
  }

  private static Object choice(ConfigKey key, Setting setting) {
    List<String> choices = key.choices();
    if (setting.value() instanceof Setting.Text(String text) && choices.contains(text)) {
      return key.type().getEnumConstants()[choices.indexOf(text)];
    }
    String near =
        setting.value() instanceof Setting.Text(String text)
            ? Nearest.suggestion(text, choices)
            : "";
    throw wrong(key, setting, setting.value(), "one of " + String.join(", ", choices) + near);
  }

  private List<?> list(ConfigKey key, Setting setting) {
    List<Setting.Value> items =
        setting.value() instanceof Setting.Items(List<Setting.Value> values)
            ? values
            : List.of(setting.value());
    var converted = new ArrayList<Object>();
    for (Setting.Value item : items) {
      if (key.key().input() && item instanceof Setting.Text(String text) && Globs.isGlob(text)) {
        converted.addAll(matches(key, setting, text));
      } else {
        converted.add(single(key, setting, item));
      }
    }
    return List.copyOf(converted);
  }

  /** The files that a pattern stands for, sorted, so that a run is the same everywhere. */
  private static List<Path> matches(ConfigKey key, Setting setting, String pattern) {
    List<Path> folders = new ArrayList<>();
    folders.add(Path.of("").toAbsolutePath());
    setting.besides().map(folder -> folder.toAbsolutePath().normalize()).ifPresent(folders::add);
    for (Path folder : folders) {
      List<Path> found = Globs.expand(folder, pattern);
      if (!found.isEmpty()) {
        return found;
      }
    }
    throw new ConfigException(
        "%s: %s: no file matches '%s' (looked in %s)"
            .formatted(setting.place(), key.path(), pattern, folders));
  }

  /** Text or a path. */
  private Object single(ConfigKey key, Setting setting, Setting.Value value) {
    if (!(value instanceof Setting.Text(String text))) {
      String quotes =
          value instanceof Setting.Items || value instanceof Setting.Unset
              ? ""
              : "; if that is its name, put it in quotes";
      throw wrong(key, setting, value, "text is needed" + quotes);
    }
    if (text.isBlank()) {
      throw new ConfigException("%s: %s: is empty".formatted(setting.place(), key.path()));
    }
    try {
      boolean isPath = key.holds(Path.class);
      if (!key.key().input() || key.isWord(text)) {
        return isPath ? Path.of(text) : text;
      }
      Path found = find(key, setting, text);
      return isPath ? found : found.toString();
    } catch (InvalidPathException e) {
      throw wrong(key, setting, value, "which cannot be a path");
    }
  }

  /** An input is looked for in the current directory, then beside the file that names it. */
  private Path find(ConfigKey key, Setting setting, String text) {
    Path here = Path.of(text).toAbsolutePath().normalize();
    if (Files.exists(here)) {
      return here;
    }
    Optional<Path> beside =
        setting
            .besides()
            .map(folder -> folder.resolve(text).toAbsolutePath().normalize())
            .filter(path -> !path.equals(here));
    if (beside.isPresent() && Files.exists(beside.get())) {
      return beside.get();
    }
    if (!inputsHaveToExist) {
      return here;
    }
    String looked = beside.map(path -> " and " + path).orElse("");
    String hub =
        key.path().equals("base") && text.matches("[\\w.-]+/[\\w.-]+")
            ? "; for a model of the Hugging Face hub write hf://" + text
            : "";
    throw new ConfigException(
        "%s: %s: there is no '%s' (looked for %s%s)%s"
            .formatted(setting.place(), key.path(), text, here, looked, hub));
  }

  private static ConfigException wrong(
      ConfigKey key, Setting setting, Setting.Value value, String needed) {
    return new ConfigException(
        "%s: %s: is %s, %s".formatted(setting.place(), key.path(), Setting.quoted(value), needed));
  }
}
