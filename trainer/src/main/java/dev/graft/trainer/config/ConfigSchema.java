package dev.graft.trainer.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** The JSON schema of a configuration, for editors; draft 7, which the YAML plug-ins know. */
public final class ConfigSchema {

  private ConfigSchema() {}

  /** The schema, pretty-printed, ending in a line feed. */
  public static String json() {
    var schema = new LinkedHashMap<String, Object>();
    schema.put("$schema", "http://json-schema.org/draft-07/schema#");
    schema.put("title", "graft run configuration");
    var properties = new LinkedHashMap<String, Object>();
    var required = new ArrayList<String>();
    for (ConfigKey key : ConfigKey.all()) {
      if (key.section().isEmpty()) {
        properties.put(key.name(), property(key));
        if (key.key().required()) {
          required.add(key.name());
        }
      } else {
        if (properties.putIfAbsent(key.section(), section(key.section())) == null
            && sectionIsRequired(key.section())) {
          required.add(key.section());
        }
      }
    }
    schema.putAll(object(properties, required));
    return printed(schema);
  }

  /** Pretty-printed, ending in a line feed. */
  static String printed(Map<String, Object> schema) {
    return JsonMapper.builder()
            .build()
            .writerWithDefaultPrettyPrinter()
            .writeValueAsString(schema)
            .replace("\r\n", "\n")
        + "\n";
  }

  private static boolean sectionIsRequired(String section) {
    return ConfigKey.all().stream()
        .anyMatch(key -> key.section().equals(section) && key.key().required());
  }

  private static Map<String, Object> section(String section) {
    var properties = new LinkedHashMap<String, Object>();
    var required = new ArrayList<String>();
    for (ConfigKey key : ConfigKey.all()) {
      if (key.section().equals(section)) {
        properties.put(key.name(), property(key));
        if (key.key().required()) {
          required.add(key.name());
        }
      }
    }
    return object(properties, required);
  }

  static Map<String, Object> object(Map<String, Object> properties, List<String> required) {
    var object = new LinkedHashMap<String, Object>();
    object.put("type", "object");
    object.putAll(keys(properties, required));
    return object;
  }

  /** What is said of an object, for values that need not be one. */
  private static Map<String, Object> keys(Map<String, Object> properties, List<String> required) {
    var object = new LinkedHashMap<String, Object>();
    object.put("additionalProperties", false);
    if (!required.isEmpty()) {
      object.put("required", required);
    }
    object.put("properties", properties);
    return object;
  }

  static Map<String, Object> property(ConfigKey key) {
    var property = new LinkedHashMap<String, Object>();
    property.put("description", key.key().value());
    switch (key.kind()) {
      case WHOLE_NUMBER -> property.put("type", types(key, "integer"));
      case NUMBER -> property.put("type", types(key, "number"));
      case TRUTH -> property.put("type", types(key, "boolean"));
      case TEXT -> property.put("type", types(key, "string"));
      case CHOICE -> {
        List<Object> choices = new ArrayList<>(key.choices());
        choices.add(null);
        property.put("enum", choices);
      }
      case TEXTS -> {
        property.put("type", types(key, "string", "array"));
        property.put("items", Map.of("type", "string"));
      }
      case RANGES -> {
        property.put("type", types(key, "integer", "string", "array"));
        property.put("items", Map.of("type", List.of("integer", "string")));
      }
      case WHOLE_NUMBERS_BY_NAME -> {
        property.put("type", types(key, "object"));
        property.put("additionalProperties", Map.of("type", "integer"));
      }
      case NUMBERS_BY_NAME -> {
        property.put("type", types(key, "object"));
        property.put("additionalProperties", Map.of("type", "number"));
      }
      case SOURCES -> {
        property.put("type", types(key, "string", "array", "object"));
        property.putAll(source());
        property.put("items", sourceOrFile());
      }
    }
    if (!key.key().byDefault().isEmpty()) {
      property.put("default", typed(key));
    }
    return property;
  }

  /** A file, or one with what is said of it. */
  private static Map<String, Object> sourceOrFile() {
    var item = new LinkedHashMap<String, Object>();
    item.put("type", List.of("string", "object"));
    item.putAll(source());
    return item;
  }

  private static Map<String, Object> source() {
    Map<String, Object> texts = new LinkedHashMap<>(Map.of("type", List.of("string", "array")));
    texts.put("items", Map.of("type", "string"));
    var properties = new LinkedHashMap<String, Object>();
    properties.put("path", texts);
    properties.put("weight", Map.of("type", "number"));
    properties.put(
        "format",
        Map.of("enum", Arrays.stream(DataFormat.values()).map(ConfigKey::written).toList()));
    properties.put("columns", texts);
    return keys(properties, List.of("path"));
  }

  /** null unsets a key that is not required. */
  private static Object types(ConfigKey key, String... types) {
    var all = new ArrayList<>(List.of(types));
    if (!key.key().required()) {
      all.add("null");
    }
    return all.size() == 1 ? all.getFirst() : all;
  }

  private static Object typed(ConfigKey key) {
    String text = key.key().byDefault();
    return switch (key.kind()) {
      case WHOLE_NUMBER -> Long.parseLong(text);
      case NUMBER -> Double.parseDouble(text);
      case TRUTH -> Boolean.parseBoolean(text);
      case TEXT, TEXTS, SOURCES, RANGES, WHOLE_NUMBERS_BY_NAME, NUMBERS_BY_NAME, CHOICE -> text;
    };
  }
}
