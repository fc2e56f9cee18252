package dev.graft.trainer.config;

import dev.graft.tokenizer.Nearest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The table of all keys, for whoever looks one up. */
final class ConfigKeys {

  private final Map<String, ConfigKey> keys = new LinkedHashMap<>();
  private final List<String> sections = ConfigKey.sections();

  ConfigKeys() {
    ConfigKey.all().forEach(key -> keys.put(key.path(), key));
  }

  Optional<ConfigKey> find(String path) {
    return Optional.ofNullable(keys.get(path));
  }

  boolean isSection(String path) {
    return sections.contains(path);
  }

  /** The names of a section's keys, for errors. */
  String namesIn(String section) {
    return keys.values().stream()
        .filter(key -> key.section().equals(section))
        .map(ConfigKey::name)
        .collect(Collectors.joining(", "));
  }

  /**
   * An error that suggests what was probably meant: the nearest name in the same section, else one
   * of that name, or near it, in another section.
   */
  ConfigException unknown(String place, String path) {
    int dot = path.lastIndexOf('.');
    String section = dot < 0 ? "" : path.substring(0, dot);
    String name = path.substring(dot + 1);
    var here = new LinkedHashMap<String, String>();
    var anywhere = new LinkedHashMap<String, String>();
    if (section.isEmpty()) {
      sections.forEach(known -> here.put(known, known));
    }
    for (ConfigKey key : keys.values()) {
      anywhere.putIfAbsent(key.name(), key.path());
      if (key.section().equals(section)) {
        here.put(key.name(), key.path());
      }
    }
    Optional<String> meant =
        Nearest.to(name, here.keySet())
            .map(here::get)
            .or(() -> Nearest.to(name, anywhere.keySet()).map(anywhere::get));
    String advice =
        meant
            .map(key -> "did you mean " + key + "?")
            .orElse(
                isSection(section)
                    ? section + " holds " + namesIn(section)
                    : "'./graft config --defaults' lists all keys");
    return new ConfigException("%s: %s: unknown key; %s".formatted(place, path, advice));
  }
}
