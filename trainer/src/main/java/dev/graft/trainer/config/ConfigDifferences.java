package dev.graft.trainer.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What differs between two resolved configurations, as {@link RunConfig#toYaml} writes them. */
public final class ConfigDifferences {

  private ConfigDifferences() {}

  /**
   * A key whose value is another one now.
   *
   * @param key e.g. {@code training.learning-rate}
   * @param before as written, {@code null} where nothing was set
   * @param now likewise
   * @param mayChange whether a run may go on with the new value
   */
  public record Difference(String key, String before, String now, boolean mayChange) {
    @Override
    public String toString() {
      return "%s was %s, is %s".formatted(key, before, now);
    }
  }

  /**
   * Compares.
   *
   * @param before the text of a resolved configuration; keys that it lacks, since it is older than
   *     they are, count as equal
   * @param name what errors call it
   * @throws ConfigException if it cannot be read, by another version's keys for one
   */
  public static List<Difference> between(String before, String name, RunConfig now) {
    var keys = new ConfigKeys();
    Map<String, Setting> old = YamlSettings.parse(before, name, Optional.empty(), keys);
    Map<String, Setting> current = YamlSettings.parse(now.toYaml(), "", Optional.empty(), keys);
    var differences = new ArrayList<Difference>();
    for (ConfigKey key : ConfigKey.all()) {
      Setting then = old.get(key.path());
      if (then == null) {
        continue;
      }
      String was = written(then.value());
      Setting set = current.get(key.path());
      String is = set == null ? "null" : written(set.value());
      if (!was.equals(is)) {
        differences.add(new Difference(key.path(), was, is, key.key().mayChange()));
      }
    }
    return List.copyOf(differences);
  }

  private static String written(Setting.Value value) {
    return switch (value) {
      case Setting.Text text -> text.text();
      case Setting.Whole number -> number.text();
      case Setting.Real number -> number.text();
      case Setting.Truth truth -> String.valueOf(truth.value());
      case Setting.Unset _ -> "null";
      case Setting.Fields fields -> {
        List<String> entries = new ArrayList<>();
        fields.values().forEach((key, field) -> entries.add(key + ": " + written(field)));
        yield entries.toString();
      }
      case Setting.Items items ->
          items.values().stream().map(ConfigDifferences::written).toList().toString();
    };
  }
}
