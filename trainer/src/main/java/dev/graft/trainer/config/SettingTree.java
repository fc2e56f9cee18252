package dev.graft.trainer.config;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.dataformat.yaml.YAMLFactory;

/** YAML as it was written, with the places of its keys, before anybody knows what it means. */
sealed interface SettingTree {

  /** Where its key stands: {@code compare.yaml:7}. */
  String place();

  /** A value. */
  record Leaf(Setting setting) implements SettingTree {
    @Override
    public String place() {
      return setting.place();
    }
  }

  /** Keys of its own, in their order. */
  record Branch(Map<String, SettingTree> children, String place) implements SettingTree {}

  /**
   * Parses a document.
   *
   * @param name of the file, for errors
   * @param folder where the file lies
   * @throws ConfigException for what is no YAML, no mapping, or has a key twice
   */
  static Branch parse(String yaml, String name, Optional<Path> folder) {
    try (JsonParser parser =
        YAMLFactory.builder().build().createParser(ObjectReadContext.empty(), yaml)) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        return new Branch(Map.of(), name);
      }
      if (first != JsonToken.START_OBJECT) {
        throw new ConfigException(
            "%s: a configuration is a list of 'key: value' lines".formatted(place(name, parser)));
      }
      Branch root = branch(parser, "", name, folder, name);
      if (parser.nextToken() != null) {
        throw new ConfigException(
            place(name, parser) + ": a second document starts here; keep one");
      }
      return root;
    } catch (JacksonException e) {
      var location = e.getLocation();
      String place = location == null ? name : name + ":" + location.getLineNr();
      throw new ConfigException(place + ": is not YAML: " + YamlSettings.firstLines(e));
    }
  }

  private static Branch branch(
      JsonParser parser, String path, String name, Optional<Path> folder, String ownPlace) {
    var children = new LinkedHashMap<String, SettingTree>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = path + parser.currentName();
      String own = parser.currentName();
      String place = place(name, parser);
      SettingTree child =
          parser.nextToken() == JsonToken.START_OBJECT
              ? branch(parser, key + ".", name, folder, place)
              : new Leaf(
                  new Setting(YamlSettings.value(parser, place + ": " + key), place, folder));
      SettingTree before = children.putIfAbsent(own, child);
      if (before != null) {
        throw new ConfigException(
            "%s: %s: is set a second time; the first is at %s"
                .formatted(place, key, before.place()));
      }
    }
    return new Branch(children, ownPlace);
  }

  private static String place(String name, JsonParser parser) {
    return name + ":" + parser.currentTokenLocation().getLineNr();
  }
}
