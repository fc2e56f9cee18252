package dev.graft.trainer.config;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
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

  /** Text from a command line; the key that it is for says what it means. */
  record Given(String text, String place) implements SettingTree {

    boolean isUnset() {
      return text.isEmpty() || text.equals("null");
    }
  }

  /** Keys of its own, in their order. */
  record Branch(Map<String, SettingTree> children, String place) implements SettingTree {

    /**
     * The same with a key's value replaced.
     *
     * @param path names from here on, with dots between them; a name that is here may hold dots
     */
    Branch with(String path, Given given) {
      String name =
          children.keySet().stream()
              .filter(known -> path.equals(known) || path.startsWith(known + "."))
              .max(Comparator.comparingInt(String::length))
              .orElseGet(() -> path.replaceFirst("\\..*", ""));
      var changed = new LinkedHashMap<>(children);
      if (path.equals(name) && given.isUnset()) {
        changed.remove(name);
      } else if (path.equals(name)) {
        changed.put(name, given);
      } else {
        String rest = path.substring(name.length() + 1);
        changed.put(name, section(children.get(name), given.place()).with(rest, given));
      }
      return new Branch(changed, place);
    }

    private static Branch section(@Nullable SettingTree tree, String place) {
      return switch (tree) {
        case null -> new Branch(Map.of(), place);
        case Branch branch -> branch;
        // The kind alone may stand for a section.
        case Leaf leaf -> new Branch(Map.of("kind", leaf), leaf.place());
        case Given kind -> new Branch(Map.of("kind", kind), kind.place());
      };
    }
  }

  /**
   * Applies {@code --set KEY=VALUE}.
   *
   * @throws ConfigException for what is not of that form
   */
  static Branch overridden(Branch root, List<String> overrides) {
    Branch result = root;
    for (String override : overrides) {
      String place = "--set " + override;
      int equals = override.indexOf('=');
      String path = override.substring(0, Math.max(0, equals)).strip();
      if (path.isEmpty()) {
        throw new ConfigException(place + ": write --set key=value, e.g. --set limit=10");
      }
      result = result.with(path, new Given(override.substring(equals + 1).strip(), place));
    }
    return result;
  }

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
