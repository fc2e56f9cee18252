package dev.graft.trainer.config;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A key as the outside knows it.
 *
 * @param path e.g. {@code lora.rank}
 * @param component where its value lives
 * @param key what its annotation says
 */
record ConfigKey(String path, RecordComponent component, Key key) {

  /** What can be written as a key's value. */
  enum Kind {
    WHOLE_NUMBER,
    NUMBER,
    TRUTH,
    TEXT,
    TEXTS,
    SOURCES,
    /** Numbers and ranges of numbers. */
    RANGES,
    /** Whole numbers by names or patterns. */
    WHOLE_NUMBERS_BY_NAME,
    /** Numbers by names or patterns. */
    NUMBERS_BY_NAME,
    CHOICE
  }

  /** All keys of the configuration, in the order of the records. */
  static List<ConfigKey> all() {
    var keys = new ArrayList<ConfigKey>();
    collect("", RunConfig.class, keys);
    return List.copyOf(keys);
  }

  /** The names of the sections: data, lora, training and so on. */
  static List<String> sections() {
    return Arrays.stream(RunConfig.class.getRecordComponents())
        .filter(component -> component.getType().isRecord())
        .map(ConfigKey::nameOf)
        .toList();
  }

  private static void collect(String prefix, Class<?> section, List<ConfigKey> keys) {
    for (RecordComponent component : section.getRecordComponents()) {
      if (component.getType().isRecord()) {
        collect(prefix + nameOf(component) + ".", component.getType(), keys);
      } else {
        keys.add(new ConfigKey(prefix + nameOf(component), component, keyOf(component)));
      }
    }
  }

  static Key keyOf(RecordComponent component) {
    return Objects.requireNonNull(
        component.getAnnotation(Key.class), () -> component + " has no @Key");
  }

  /** {@code maxLength} is {@code max-length}. */
  static String nameOf(RecordComponent component) {
    return component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }

  /** The section it is in; empty at the top. */
  String section() {
    int dot = path.lastIndexOf('.');
    return dot < 0 ? "" : path.substring(0, dot);
  }

  /** Its name within the section. */
  String name() {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  /** The path of another key of the same section. */
  String sibling(String name) {
    return section().isEmpty() ? name : section() + "." + name;
  }

  Class<?> type() {
    return component.getType();
  }

  Kind kind() {
    Class<?> type = type();
    if (type.isEnum()) {
      return Kind.CHOICE;
    } else if (type == int.class || type == long.class || type == OptionalInt.class) {
      return Kind.WHOLE_NUMBER;
    } else if (type == double.class || type == OptionalDouble.class) {
      return Kind.NUMBER;
    } else if (type == boolean.class) {
      return Kind.TRUTH;
    } else if (type == List.class) {
      return holds(DataSource.class)
          ? Kind.SOURCES
          : holds(LayerRange.class) ? Kind.RANGES : Kind.TEXTS;
    } else if (type == Map.class) {
      return holds(Integer.class) ? Kind.WHOLE_NUMBERS_BY_NAME : Kind.NUMBERS_BY_NAME;
    } else if (holds(String.class) || holds(Path.class)) {
      return Kind.TEXT;
    }
    throw new IllegalStateException(path + " has a type that no YAML value has: " + type);
  }

  /** Whether its value, or what its optional, list or map holds, is of a type. */
  boolean holds(Class<?> element) {
    if (type() == element) {
      return true;
    }
    if (!(component.getGenericType() instanceof ParameterizedType generic)) {
      return false;
    }
    Type[] arguments = generic.getActualTypeArguments();
    return arguments[arguments.length - 1] == element;
  }

  /** What a CHOICE may say, as written in YAML. */
  List<String> choices() {
    return Arrays.stream((Enum<?>[]) type().getEnumConstants()).map(ConfigKey::written).toList();
  }

  static String written(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Whether what is written for it may hold keys of its own. */
  boolean mayHoldFields() {
    return switch (kind()) {
      case SOURCES, WHOLE_NUMBERS_BY_NAME, NUMBERS_BY_NAME -> true;
      case WHOLE_NUMBER, NUMBER, TRUTH, TEXT, TEXTS, RANGES, CHOICE -> false;
    };
  }

  /** Whether the value stands for itself and is not to be looked for on disk. */
  boolean isWord(String value) {
    return Arrays.stream(key.words())
        .anyMatch(word -> word.endsWith("://") ? value.startsWith(word) : value.equals(word));
  }
}
