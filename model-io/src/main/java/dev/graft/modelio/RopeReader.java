package dev.graft.modelio;

import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Rotary settings of a config.json in both spellings: {@code rope_theta} with {@code rope_scaling},
 * and the newer {@code rope_parameters} that holds both.
 */
final class RopeReader {
  private static final Set<String> KNOWN =
      Set.of(
          "rope_type",
          "type",
          "rope_theta",
          "factor",
          "low_freq_factor",
          "high_freq_factor",
          "original_max_position_embeddings",
          "partial_rotary_factor");

  private final ConfigKeys outer;
  private final @Nullable ConfigKeys keys;

  RopeReader(Path file, ConfigKeys outer) {
    this.outer = outer;
    JsonNode newer = outer.value("rope_parameters");
    JsonNode older = outer.value("rope_scaling");
    if (newer != null && older != null && !newer.equals(older)) {
      throw outer.refusal("rope_parameters and rope_scaling are both there, and they differ.");
    }
    String name = newer == null ? "rope_scaling" : "rope_parameters";
    JsonNode parameters = newer == null ? older : newer;
    if (parameters == null) {
      keys = null;
      return;
    }
    if (!parameters.isObject()) {
      throw outer.unexpected(name, parameters, "an object");
    }
    keys = new ConfigKeys(file, parameters, name + ".");
    for (String key : parameters.propertyNames()) {
      if (!KNOWN.contains(key)) {
        throw keys.refusal(key + " is not supported.");
      }
    }
    if (keys.number("partial_rotary_factor", 1.0) != 1.0) {
      throw keys.refusal("partial_rotary_factor other than 1 is not supported.");
    }
  }

  double theta() {
    double theta = outer.number("rope_theta", 10000.0);
    return keys == null ? theta : keys.number("rope_theta", theta);
  }

  RopeScaling scaling() {
    if (keys == null) {
      return new RopeScaling.None();
    }
    String type = type(keys);
    return switch (type) {
      case "default" -> new RopeScaling.None();
      case "linear" -> new RopeScaling.Linear(positive(keys, "factor"));
      case "llama3" -> llama3(keys);
      default ->
          throw keys.refusal(
              "rope_type " + type + " is not supported; default, linear and llama3 are.");
    };
  }

  private static RopeScaling llama3(ConfigKeys keys) {
    double low = positive(keys, "low_freq_factor");
    double high = positive(keys, "high_freq_factor");
    if (high <= low) {
      throw keys.refusal("high_freq_factor must be larger than low_freq_factor.");
    }
    int original = keys.integer("original_max_position_embeddings", null);
    if (original < 1) {
      throw keys.refusal("original_max_position_embeddings must be positive.");
    }
    return new RopeScaling.Llama3(positive(keys, "factor"), low, high, original);
  }

  private static String type(ConfigKeys keys) {
    JsonNode newer = keys.value("rope_type");
    JsonNode type = newer == null ? keys.value("type") : newer;
    if (type == null && keys.has("factor")) {
      throw keys.refusal("rope_type is missing.");
    }
    return type == null ? "default" : type.asString("?");
  }

  private static double positive(ConfigKeys keys, String key) {
    double found = keys.number(key, null);
    if (!(found > 0 && found < 1e12)) {
      throw keys.unexpected(key, keys.value(key), "a positive number");
    }
    return found;
  }
}
