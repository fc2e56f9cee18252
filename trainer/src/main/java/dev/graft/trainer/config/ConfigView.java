package dev.graft.trainer.config;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * A run's {@code config.yaml} to be looked at, also one of another version, whose keys may be
 * others: nothing is checked.
 *
 * @param yaml its text
 * @param values every key with its value as written, {@code null} for none; in the file's order
 */
public record ConfigView(String yaml, Map<String, String> values) {

  private static final String NONE = "null";

  /**
   * A key that is not the same in two runs.
   *
   * @param left absent where the configuration does not know the key
   */
  public record Difference(String key, Optional<String> left, Optional<String> right) {}

  public ConfigView {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /**
   * Reads it.
   *
   * @throws ConfigException if it is not YAML
   */
  public static ConfigView of(String yaml) {
    var values = new LinkedHashMap<String, String>();
    try {
      flatten("", YAMLMapper.shared().readTree(yaml), values);
    } catch (JacksonException e) {
      throw new ConfigException("config.yaml is not YAML: " + e.getOriginalMessage());
    }
    return new ConfigView(yaml, values);
  }

  private static void flatten(String prefix, JsonNode node, Map<String, String> values) {
    node.properties()
        .forEach(entry -> {
          String key = prefix + entry.getKey();
          if (entry.getValue().isObject()) {
            flatten(key + ".", entry.getValue(), values);
          } else {
            values.put(key, written(entry.getValue()));
          }
        });
  }

  private static String written(JsonNode value) {
    if (value.isNull()) {
      return NONE;
    } else if (value.isArray()) {
      List<String> items = new ArrayList<>();
      value.forEach(item -> items.add(written(item)));
      return items.size() == 1 ? items.getFirst() : String.join(", ", items);
    } else if (value.isObject()) {
      List<String> fields = new ArrayList<>();
      value.properties().forEach(it -> fields.add(it.getKey() + ": " + written(it.getValue())));
      return "{" + String.join(", ", fields) + "}";
    } else if (value.isDouble()) {
      // As people write it: 0.0002 rather than 2.0E-4.
      return BigDecimal.valueOf(value.doubleValue()).stripTrailingZeros().toPlainString();
    }
    return value.asString("");
  }

  /** A key's value; empty where it is not set, or not known. */
  public Optional<String> value(String key) {
    return Optional.ofNullable(values.get(key)).filter(value -> !value.equals(NONE));
  }

  /** The keys whose value is not the default, with their value. Keys without a default are. */
  public Map<String, String> chosen() {
    var chosen = new LinkedHashMap<String, String>();
    Map<String, String> defaults = defaults();
    values.forEach((key, value) -> {
      if (!value.equals(defaults.getOrDefault(key, NONE))) {
        chosen.put(key, value);
      }
    });
    return chosen;
  }

  private static Map<String, String> defaults() {
    var defaults = new LinkedHashMap<String, String>();
    for (ConfigKey key : ConfigKey.all()) {
      if (!key.key().byDefault().isEmpty()) {
        defaults.put(key.path(), written(YAMLMapper.shared().readTree(key.key().byDefault())));
      }
    }
    return defaults;
  }

  /** The keys whose values differ, in this configuration's order, then the other's. */
  public List<Difference> differencesTo(ConfigView other) {
    var keys = new LinkedHashMap<>(values);
    keys.putAll(other.values);
    return keys.keySet().stream()
        .map(key ->
            new Difference(
                key,
                Optional.ofNullable(values.get(key)),
                Optional.ofNullable(other.values.get(key))))
        .filter(difference -> !difference.left().equals(difference.right()))
        .toList();
  }
}
