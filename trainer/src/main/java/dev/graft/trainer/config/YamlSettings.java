package dev.graft.trainer.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.dataformat.yaml.YAMLFactory;
import tools.jackson.dataformat.yaml.YAMLParser;

/**
 * Reads YAML into a flat map from key to what was written and where. {@code lora: {rank: 8}} and
 * {@code lora.rank: 8} say the same. Jackson's token stream is used, not its data binding, because
 * the errors have to name lines of keys that are present, twice present or unknown.
 */
final class YamlSettings {

  private final String name;
  private final Optional<Path> folder;
  private final ConfigKeys keys;
  private final Map<String, Setting> settings = new LinkedHashMap<>();

  private YamlSettings(String name, Optional<Path> folder, ConfigKeys keys) {
    this.name = name;
    this.folder = folder;
    this.keys = keys;
  }

  /**
   * @param name of the file, for errors
   * @param folder where the file lies
   */
  static Map<String, Setting> parse(
      String yaml, String name, Optional<Path> folder, ConfigKeys keys) {
    var reader = new YamlSettings(name, folder, keys);
    try (JsonParser parser =
        YAMLFactory.builder().build().createParser(ObjectReadContext.empty(), yaml)) {
      reader.document(parser);
    } catch (JacksonException e) {
      throw reader.unreadable(e);
    }
    return reader.settings;
  }

  /** The value that {@code --set} gives to a key that is not plain text, e.g. {@code [a, b]}. */
  static Setting.Value parseValue(String yaml, String place) {
    return parseValue(yaml, place, false);
  }

  static Setting.Value parseValue(String yaml, String place, boolean mayHoldFields) {
    try (JsonParser parser =
        YAMLFactory.builder().build().createParser(ObjectReadContext.empty(), yaml)) {
      if (parser.nextToken() == null) {
        return new Setting.Unset();
      }
      Setting.Value value = value(parser, place, mayHoldFields);
      if (parser.nextToken() != null) {
        throw new ConfigException(place + ": has more than one value");
      }
      return value;
    } catch (JacksonException e) {
      throw new ConfigException(place + ": is not a YAML value: " + firstLines(e));
    }
  }

  private void document(JsonParser parser) {
    JsonToken first = parser.nextToken();
    if (first == null) {
      return;
    }
    if (first != JsonToken.START_OBJECT) {
      throw new ConfigException(
          "%s: a configuration is a list of 'key: value' lines, this is %s"
              .formatted(place(parser), first == JsonToken.START_ARRAY ? "a list" : "a value"));
    }
    mapping(parser, "");
    if (parser.nextToken() != null) {
      throw new ConfigException(place(parser) + ": a second document starts here; keep one");
    }
  }

  /** Reads entries until the mapping ends. */
  private void mapping(JsonParser parser, String section) {
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = section + parser.currentName();
      String place = place(parser);
      parser.nextToken();
      if (keys.isSection(key)) {
        section(parser, key, place);
      } else if (keys.find(key).isPresent()) {
        boolean fields = keys.find(key).orElseThrow().mayHoldFields();
        put(key, new Setting(value(parser, place + ": " + key, fields), place, folder));
      } else {
        throw keys.unknown(place, key);
      }
    }
  }

  private void section(JsonParser parser, String key, String place) {
    switch (parser.currentToken()) {
      case START_OBJECT -> mapping(parser, key + ".");
      case VALUE_NULL -> {}
      default ->
          throw new ConfigException(
              "%s: %s: is a section; it holds %s, each on a line of its own below it"
                  .formatted(place, key, keys.namesIn(key)));
    }
  }

  private void put(String key, Setting setting) {
    Setting before = settings.putIfAbsent(key, setting);
    if (before != null) {
      throw new ConfigException(
          "%s: %s: is set a second time; the first is at %s"
              .formatted(setting.place(), key, before.place()));
    }
  }

  static Setting.Value value(JsonParser parser, String where) {
    return value(parser, where, false);
  }

  /**
   * A scalar or a list.
   *
   * @param mayHoldFields whether it, or an element of the list, may have keys of its own
   */
  private static Setting.Value value(JsonParser parser, String where, boolean mayHoldFields) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      return element(parser, where, mayHoldFields);
    }
    var items = new ArrayList<Setting.Value>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      items.add(element(parser, where, mayHoldFields));
    }
    return new Setting.Items(List.copyOf(items));
  }

  private static Setting.Value element(JsonParser parser, String where, boolean mayHoldFields) {
    return mayHoldFields && parser.currentToken() == JsonToken.START_OBJECT
        ? fields(parser, where)
        : scalar(parser, where);
  }

  private static Setting.Value fields(JsonParser parser, String where) {
    var fields = new LinkedHashMap<String, Setting.Value>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      if (fields.put(name, value(parser, where + ": " + name, false)) != null) {
        throw new ConfigException(where + ": " + name + ": is set a second time");
      }
    }
    return new Setting.Fields(fields);
  }

  private static Setting.Value scalar(JsonParser parser, String where) {
    if (((YAMLParser) parser).isCurrentAlias()) {
      throw new ConfigException(where + ": is an alias (*name); write the value itself");
    }
    return switch (parser.currentToken()) {
      // The parser leaves YAML's other spelling of null to us.
      case VALUE_STRING ->
          parser.getString().equals("~")
              ? new Setting.Unset()
              : new Setting.Text(parser.getString());
      case VALUE_NUMBER_INT -> new Setting.Whole(parser.getString());
      case VALUE_NUMBER_FLOAT -> new Setting.Real(parser.getString());
      case VALUE_TRUE, VALUE_FALSE -> new Setting.Truth(parser.getBooleanValue());
      case VALUE_NULL -> new Setting.Unset();
      case START_OBJECT ->
          throw new ConfigException(where + ": holds keys of its own, a value is needed");
      case START_ARRAY ->
          throw new ConfigException(where + ": is a list of lists, a list of values is needed");
      default -> throw new ConfigException(where + ": has no value that can be read");
    };
  }

  private String place(JsonParser parser) {
    return name + ":" + parser.currentTokenLocation().getLineNr();
  }

  private ConfigException unreadable(JacksonException e) {
    var location = e.getLocation();
    String place = location == null ? name : name + ":" + location.getLineNr();
    return new ConfigException(place + ": is not YAML: " + firstLines(e));
  }

  /** SnakeYAML's messages quote the source over many lines; the words are what helps. */
  static String firstLines(JacksonException e) {
    return e.getOriginalMessage()
        .lines()
        .filter(line -> !line.isBlank() && !line.startsWith(" "))
        .reduce((a, b) -> a + ", " + b)
        .orElse("unreadable");
  }
}
