package dev.graft.trainer.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What {@code lora.init-from} settles: an adapter that is started from has its rank, alpha, targets
 * and scaling already, so they are its values unless the configuration says otherwise, and an error
 * if it says something else. The adapter itself is read, and checked in full, by model-io.
 */
final class StartingAdapter {

  /** PEFT writes a few hundred bytes. */
  private static final long MAX_BYTES = 1 << 20;

  private StartingAdapter() {}

  /**
   * Adds the adapter's settings to those that were given.
   *
   * @param folder of a PEFT adapter
   */
  static void fillIn(Map<String, Setting> settings, Path folder, ConfigKeys keys, Values values) {
    Path file = folder.resolve("adapter_config.json");
    for (var own : read(file).entrySet()) {
      ConfigKey key = keys.find(own.getKey()).orElseThrow();
      Setting adapters = new Setting(own.getValue(), file.toString(), Optional.empty());
      Setting given = settings.putIfAbsent(own.getKey(), adapters);
      if (given != null && !same(key, values, given, adapters)) {
        throw new ConfigException(
            "%s: %s: is %s, but the adapter to start from has %s (%s); leave the key away"
                .formatted(
                    given.place(),
                    key.path(),
                    Setting.quoted(given.value()),
                    Setting.quoted(own.getValue()),
                    file));
      }
    }
  }

  private static boolean same(ConfigKey key, Values values, Setting given, Setting adapters) {
    Object one = values.convert(key, given);
    Object other = values.convert(key, adapters);
    return switch (key.name()) {
      case "targets" -> targets(one).equals(targets(other));
      case "layers" -> layers(one).equals(layers(other));
      default -> one.equals(other);
    };
  }

  private static Set<String> targets(Object value) {
    return Set.copyOf(
        LoraTargets.resolve(((List<?>) value).stream().map(Object::toString).toList()));
  }

  private static List<Integer> layers(Object value) {
    return LayerRange.layers(((List<?>) value).stream().map(LayerRange.class::cast).toList());
  }

  private static Map<String, Setting.Value> read(Path file) {
    var settings = new LinkedHashMap<String, Setting.Value>();
    try {
      if (!Files.isRegularFile(file) || Files.size(file) > MAX_BYTES) {
        return settings;
      }
      JsonNode json = JsonMapper.shared().readTree(file);
      if (json.path("r").isIntegralNumber()) {
        settings.put("lora.rank", new Setting.Whole(json.path("r").asString()));
      }
      if (json.path("lora_alpha").isNumber()) {
        settings.put("lora.alpha", new Setting.Real(json.path("lora_alpha").asString()));
      }
      if (json.path("use_rslora").isBoolean()) {
        settings.put("lora.rslora", new Setting.Truth(json.path("use_rslora").booleanValue()));
      }
      if (json.path("use_dora").isBoolean()) {
        settings.put("lora.dora", new Setting.Truth(json.path("use_dora").booleanValue()));
      }
      putTargets(settings, json.path("target_modules"));
      JsonNode layers = json.path("layers_to_transform");
      if (layers.isArray() && !layers.isEmpty()) {
        settings.put("lora.layers", new Setting.Items(numbers(layers)));
      } else if (layers.isIntegralNumber()) {
        settings.put("lora.layers", new Setting.Whole(layers.asString()));
      }
      putPattern(settings, "lora.rank-pattern", json.path("rank_pattern"));
      putPattern(settings, "lora.alpha-pattern", json.path("alpha_pattern"));
    } catch (IOException | JacksonException e) {
      // Whoever loads the adapter says in full what is wrong with it.
      settings.clear();
    }
    return settings;
  }

  /** Left away where they are not what one can write: whoever loads the adapter refuses them. */
  private static void putTargets(Map<String, Setting.Value> settings, JsonNode targets) {
    List<String> written = targets.isString() ? List.of(targets.asString()) : texts(targets);
    try {
      LoraTargets.resolve(written);
    } catch (InvalidSetting e) {
      return;
    }
    settings.put(
        "lora.targets",
        new Setting.Items(written.stream().<Setting.Value>map(Setting.Text::new).toList()));
  }

  private static List<Setting.Value> numbers(JsonNode array) {
    return array.valueStream().map(StartingAdapter::number).toList();
  }

  private static Setting.Value number(JsonNode node) {
    return node.isIntegralNumber()
        ? new Setting.Whole(node.asString())
        : new Setting.Real(node.asString(""));
  }

  private static void putPattern(
      Map<String, Setting.Value> settings, String key, JsonNode pattern) {
    if (pattern.isObject() && !pattern.isEmpty()) {
      var fields = new LinkedHashMap<String, Setting.Value>();
      pattern.properties().forEach(entry -> fields.put(entry.getKey(), number(entry.getValue())));
      settings.put(key, new Setting.Fields(fields));
    }
  }

  private static List<String> texts(JsonNode array) {
    return array.valueStream().map(node -> node.asString("")).toList();
  }
}
