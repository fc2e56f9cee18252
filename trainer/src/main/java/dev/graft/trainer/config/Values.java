package dev.graft.trainer.config;

import dev.graft.tokenizer.Nearest;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Turns what was written for a key into the value that its record takes, or says why not. */
final class Values {

  /** What a source of {@code data.train} may say of itself. */
  static final List<String> SOURCE_KEYS = List.of("path", "weight", "format", "columns");

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
    } else if (type == Map.class) {
      return numbers(key, setting);
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
    } else if (type == Map.class) {
      return Map.of();
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
    List<Setting.Value> items = items(setting.value());
    if (key.holds(DataSource.class)) {
      return sources(key, setting, items);
    }
    if (key.holds(LayerRange.class)) {
      return items.stream().map(item -> range(key, setting, item)).toList();
    }
    return texts(key, setting, items);
  }

  private static LayerRange range(ConfigKey key, Setting setting, Setting.Value item) {
    String text =
        switch (item) {
          case Setting.Whole number -> number.text();
          case Setting.Text range -> range.text();
          case Setting.Value _ -> "";
        };
    return LayerRange.parse(text)
        .orElseThrow(
            () -> wrong(key, setting, item, "numbers from 0, and ranges like 0-3, are needed"));
  }

  /** Numbers by name, in the order in which they were written. */
  private static Map<String, Object> numbers(ConfigKey key, Setting setting) {
    if (!(setting.value() instanceof Setting.Fields(Map<String, Setting.Value> fields))) {
      throw wrong(key, setting, setting.value(), "keys with numbers are needed, {q_proj: 8}");
    }
    var numbers = new LinkedHashMap<String, Object>();
    fields.forEach((name, value) -> {
      Setting one = new Setting(value, setting.place() + ": " + name, setting.besides());
      numbers.put(
          name,
          key.holds(Integer.class)
              ? (Object) (int) whole(key, one, Integer.MIN_VALUE, Integer.MAX_VALUE)
              : (Object) real(key, one));
    });
    return Collections.unmodifiableMap(numbers);
  }

  /** Every file is a source of its own, unless keys say more. */
  private List<DataSource> sources(ConfigKey key, Setting setting, List<Setting.Value> items) {
    var sources = new ArrayList<DataSource>();
    for (Setting.Value item : items) {
      if (item instanceof Setting.Fields(Map<String, Setting.Value> fields)) {
        sources.add(source(key, setting, fields));
      } else {
        texts(key, setting, List.of(item)).forEach(file -> sources.add(DataSource.of((Path) file)));
      }
    }
    return List.copyOf(sources);
  }

  private DataSource source(ConfigKey key, Setting setting, Map<String, Setting.Value> fields) {
    String where = setting.place() + ": " + key.path() + ": ";
    for (String name : fields.keySet()) {
      if (!SOURCE_KEYS.contains(name)) {
        throw new ConfigException(
            "%sunknown key '%s' of a source%s; it holds %s"
                .formatted(
                    where,
                    name,
                    Nearest.suggestion(name, SOURCE_KEYS).replace("?", ""),
                    String.join(", ", SOURCE_KEYS)));
      }
    }
    Setting.Value path = fields.get("path");
    if (path == null) {
      throw new ConfigException(where + "a source without a path; write path: FILE");
    }
    try {
      List<?> files = texts(key, setting, items(path));
      Setting.Value columns = fields.get("columns");
      return new DataSource(
          files.stream().map(Path.class::cast).toList(),
          weight(where, fields.get("weight")),
          Optional.ofNullable(fields.get("format")).map(format -> format(where, format)),
          columns == null
              ? List.of()
              : items(columns).stream().map(it -> text(where, it)).toList());
    } catch (InvalidSetting e) {
      throw new ConfigException(where + "the source's " + e.key() + ": " + e.problem());
    }
  }

  private static List<Setting.Value> items(Setting.Value value) {
    return value instanceof Setting.Items(List<Setting.Value> values) ? values : List.of(value);
  }

  private static String text(String where, Setting.Value value) {
    if (value instanceof Setting.Text(String text)) {
      return text;
    }
    throw new ConfigException(
        where + "the source's columns: " + Setting.quoted(value) + " is not name=column");
  }

  private static double weight(String where, Setting.@Nullable Value value) {
    if (value == null) {
      return 1;
    }
    try {
      if (value instanceof Setting.Whole(String text)) {
        return Double.parseDouble(text);
      } else if (value instanceof Setting.Real(String text)) {
        return Double.parseDouble(text);
      }
    } catch (NumberFormatException e) {
      // YAML's .inf and .nan come here; they are refused below.
    }
    throw new ConfigException(
        where + "the source's weight: is " + Setting.quoted(value) + ", a number is needed");
  }

  private static DataFormat format(String where, Setting.Value value) {
    List<String> names = new ArrayList<>();
    for (DataFormat format : DataFormat.values()) {
      String name = ConfigKey.written(format);
      if (value instanceof Setting.Text(String text) && text.equals(name)) {
        return format;
      }
      names.add(name);
    }
    throw new ConfigException(
        "%sthe source's format: is %s, one of %s"
            .formatted(where, Setting.quoted(value), String.join(", ", names)));
  }

  private List<?> texts(ConfigKey key, Setting setting, List<Setting.Value> items) {
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
  private List<Path> matches(ConfigKey key, Setting setting, String pattern) {
    List<Path> folders = new ArrayList<>();
    folders.add(Path.of("").toAbsolutePath());
    setting.besides().map(folder -> folder.toAbsolutePath().normalize()).ifPresent(folders::add);
    for (Path folder : folders) {
      List<Path> found = Globs.expand(folder, pattern);
      if (!found.isEmpty()) {
        return found;
      }
    }
    if (!inputsHaveToExist) {
      return List.of(Path.of(pattern).toAbsolutePath().normalize());
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
      boolean isPath = key.holds(Path.class) || key.holds(DataSource.class);
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
        "%s: %s: there is no '%s' (looked for %s%s)%s%s"
            .formatted(setting.place(), key.path(), text, here, looked, hub, words(key, text)));
  }

  /** What may stand in place of a file, with the word that was probably meant. */
  private static String words(ConfigKey key, String text) {
    List<String> words =
        Arrays.stream(key.key().words()).filter(word -> !word.endsWith("://")).toList();
    return words.isEmpty()
        ? ""
        : "; without a file it is one of "
            + String.join(", ", words)
            + Nearest.suggestion(text, words);
  }

  private static ConfigException wrong(
      ConfigKey key, Setting setting, Setting.Value value, String needed) {
    return new ConfigException(
        "%s: %s: is %s, %s".formatted(setting.place(), key.path(), Setting.quoted(value), needed));
  }
}
