package dev.graft.trainer.config;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/** Writes configurations as YAML: the resolved one of a run, and the commented defaults. */
public final class ConfigWriter {

  private ConfigWriter() {}

  /** All keys of a configuration with their values. */
  static String resolved(RunConfig config) {
    var yaml = new StringBuilder("# The run as it was resolved; './graft train' repeats it.\n");
    write(config, "", yaml, config.method() == Method.FULL ? Set.of("lora") : Set.of());
    return yaml.toString();
  }

  /** All keys with their descriptions and defaults, as a file to start one's own from. */
  public static String defaults() {
    var yaml = new StringBuilder();
    yaml.append("# All keys of a graft configuration. What is commented out has no default or\n");
    yaml.append("# shows one that depends on something else. Inputs are looked for in the\n");
    yaml.append("# current directory, then beside this file.\n\n");
    String section = "";
    for (ConfigKey key : ConfigKey.all()) {
      if (!key.section().equals(section)) {
        section = key.section();
        yaml.append('\n').append(section.isEmpty() ? "" : section + ":\n");
      }
      String indent = section.isEmpty() ? "" : "  ";
      yaml.append(indent).append("# ").append(key.key().value()).append('\n');
      yaml.append(indent).append(defaultLine(key)).append('\n');
    }
    return yaml.toString();
  }

  private static String defaultLine(ConfigKey key) {
    if (key.key().required()) {
      return key.name() + ": # required";
    } else if (key.key().byDefault().isEmpty()) {
      return "#" + key.name() + ":";
    }
    String line = key.name() + ": " + key.key().byDefault();
    return key.key().unlessGiven().isEmpty() ? line : "#" + line;
  }

  /**
   * @param without sections that have no part in the run
   */
  private static void write(
      Record section, String indent, StringBuilder yaml, Set<String> without) {
    for (RecordComponent component : section.getClass().getRecordComponents()) {
      if (without.contains(ConfigKey.nameOf(component))) {
        continue;
      }
      Object value = valueOf(component, section);
      yaml.append(indent).append(ConfigKey.nameOf(component)).append(':');
      if (value instanceof Record nested) {
        yaml.append('\n');
        write(nested, indent + "  ", yaml, Set.of());
      } else {
        yaml.append(' ').append(scalar(value)).append('\n');
      }
    }
  }

  private static Object valueOf(RecordComponent component, Record section) {
    try {
      return Objects.requireNonNull(component.getAccessor().invoke(section));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(component + " cannot be read", e);
    }
  }

  private static String scalar(Object value) {
    return switch (value) {
      case Enum<?> choice -> ConfigKey.written(choice);
      case Double number -> number(number);
      case OptionalInt number -> number.isPresent() ? "" + number.getAsInt() : "null";
      case OptionalDouble number -> number.isPresent() ? number(number.getAsDouble()) : "null";
      case Optional<?> optional -> optional.map(ConfigWriter::scalar).orElse("null");
      case List<?> list when list.isEmpty() -> "null";
      case List<?> list ->
          list.stream().map(ConfigWriter::scalar).collect(Collectors.joining(", ", "[", "]"));
      case Map<?, ?> map when map.isEmpty() -> "null";
      case Map<?, ?> map ->
          map.entrySet().stream()
              .map(entry -> scalar(entry.getKey()) + ": " + scalar(entry.getValue()))
              .collect(Collectors.joining(", ", "{", "}"));
      case LayerRange range -> range.toString();
      case DataSource source when source.isPlain() -> scalar(source.files().getFirst());
      case DataSource source -> source(source);
      case Path path -> quoted(path.toString());
      case String text -> quoted(text);
      default -> value.toString();
    };
  }

  private static String source(DataSource source) {
    var text = new StringBuilder("{path: " + scalar(source.files()));
    text.append(", weight: ").append(number(source.weight()));
    source.format().ifPresent(format -> text.append(", format: ").append(scalar(format)));
    if (!source.columns().isEmpty()) {
      text.append(", columns: ").append(scalar(source.columns()));
    }
    return text.append('}').toString();
  }

  /** Exactly the same double when read again. */
  private static String number(double value) {
    return new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
  }

  /** Plain where YAML cannot misread it, else in double quotes. */
  private static String quoted(String text) {
    if (text.matches("[A-Za-z_/][\\w./-]*") && !text.matches("(?i)true|false|null|yes|no|on|off")) {
      return text;
    }
    var quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> quoted.append('\\').append(c);
        default -> {
          if (c < ' ' || c == 0x7f) {
            quoted.append("\\x%02x".formatted((int) c));
          } else {
            quoted.append(c);
          }
        }
      }
    }
    return quoted.append('"').toString();
  }
}
