package dev.graft.modelio.peft;

import dev.graft.modelio.ConfigKeys;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.StrictJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads one adapter_config.json: refuses everything that is switched on and is neither LoRA nor
 * DoRA.
 */
final class PeftConfigReader {
  private static final long MAX_BYTES = 16 << 20;
  private static final int MAX_PATTERN_LENGTH = 256;
  private static final int MAX_ENTRIES = 10_000;

  /** Keys that say how the adapter came to be, or that matter only with an option refused below. */
  private static final Set<String> HARMLESS =
      Set.of(
          "auto_mapping",
          "eva_config",
          "inference_mode",
          "layers_pattern",
          "loftq_config",
          "lora_ga_config",
          "megatron_core",
          "parent_library",
          "peft_version",
          "qalora_group_size",
          "revision",
          "runtime_config");

  private static final Set<String> READ =
      Set.of(
          "alpha_pattern",
          "base_model_name_or_path",
          "bias",
          "exclude_modules",
          "init_lora_weights",
          "layers_to_transform",
          "lora_alpha",
          "lora_dropout",
          "peft_type",
          "r",
          "rank_pattern",
          "target_modules",
          "task_type",
          "use_dora",
          "use_rslora");

  private final Path file;
  private final ObjectNode json;
  private final ConfigKeys keys;

  PeftConfigReader(Path file) {
    this.file = file;
    this.json = StrictJson.readObject(file, MAX_BYTES);
    this.keys = new ConfigKeys(file, json, "");
  }

  PeftConfig read() {
    requireText("peft_type", "LORA", null);
    requireText("task_type", "CAUSAL_LM", "CAUSAL_LM");
    requireText("bias", "none", "none");
    requireInitializationThatKeepsTheBase();
    refuseWhatIsSwitchedOn();
    JsonNode base = json.path("base_model_name_or_path");
    try {
      return new PeftConfig(
          keys.integer("r", null),
          keys.number("lora_alpha", null),
          keys.number("lora_dropout", 0.0),
          targetModules(),
          keys.flag("use_rslora", false),
          base.asString(""),
          ranks(),
          alphas(),
          layers(),
          keys.flag("use_dora", false));
    } catch (ModelIoException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(file.toString()) ? e : keys.refusal(message);
    }
  }

  private void requireText(String key, String only, @Nullable String whenAbsent) {
    JsonNode node = json.path(key);
    String found = node.isMissingNode() || node.isNull() ? whenAbsent : node.asString("?");
    if (!only.equals(found)) {
      throw keys.refusal(
          "%s is %s; graft reads %s only.".formatted(key, ConfigKeys.brief(node), only));
    }
  }

  /** These initializations subtract something from the base weights, so the base is another one. */
  private void requireInitializationThatKeepsTheBase() {
    JsonNode init = json.path("init_lora_weights");
    if (init.isString()
        && !Set.of("gaussian", "eva", "orthogonal", "true").contains(init.asString())) {
      throw keys.refusal(
          "init_lora_weights %s changes the base model; convert the adapter to plain LoRA in PEFT"
                  .formatted(init)
              + " (save_pretrained with path_initial_model_for_weight_conversion).");
    }
  }

  private void refuseWhatIsSwitchedOn() {
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      String key = entry.getKey();
      if (!READ.contains(key) && !HARMLESS.contains(key) && !isOff(entry.getValue())) {
        throw keys.refusal(
            "%s %s is not supported.".formatted(key, ConfigKeys.brief(entry.getValue())));
      }
    }
  }

  private static boolean isOff(JsonNode node) {
    return node.isNull()
        || (node.isBoolean() && !node.booleanValue())
        || (node.isContainer() && node.isEmpty())
        || (node.isNumber() && node.doubleValue() == 0);
  }

  private TargetModules targetModules() {
    JsonNode node = json.path("target_modules");
    if (node.isString()) {
      String text = node.asString();
      return text.equals(Projection.ALL_LINEAR)
          ? new TargetModules.AllLinear()
          : new TargetModules.Expression(text);
    }
    if (!node.isArray() || node.isEmpty() || node.size() > MAX_ENTRIES) {
      throw keys.refusal(
          "target_modules is " + ConfigKeys.brief(node) + "; a list of module names is expected.");
    }
    List<String> names = new ArrayList<>();
    for (JsonNode name : node) {
      if (!name.isString() || name.asString().isEmpty()) {
        throw keys.refusal(
            "target_modules holds " + ConfigKeys.brief(name) + "; a module name is expected.");
      }
      names.add(name.asString());
    }
    return new TargetModules.Names(names);
  }

  private Map<String, Integer> ranks() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : pattern("rank_pattern")) {
      ranks.put(entry.getKey(), keys.asInteger("rank_pattern." + entry.getKey(), entry.getValue()));
    }
    return ranks;
  }

  private Map<String, Double> alphas() {
    Map<String, Double> alphas = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : pattern("alpha_pattern")) {
      String key = "alpha_pattern." + entry.getKey();
      alphas.put(entry.getKey(), keys.asNumber(key, entry.getValue()));
    }
    return alphas;
  }

  private Set<Map.Entry<String, JsonNode>> pattern(String key) {
    JsonNode node = json.path(key);
    if (node.isMissingNode() || node.isNull()) {
      return Set.of();
    }
    if (!node.isObject() || node.size() > MAX_ENTRIES) {
      throw keys.refusal(key + " is " + ConfigKeys.brief(node) + "; an object is expected.");
    }
    for (String module : node.propertyNames()) {
      if (module.length() > MAX_PATTERN_LENGTH) {
        throw keys.refusal(
            key + " has a pattern of more than " + MAX_PATTERN_LENGTH + " characters.");
      }
    }
    return node.properties();
  }

  private @Nullable List<Integer> layers() {
    JsonNode node = json.path("layers_to_transform");
    if (node.isMissingNode() || node.isNull() || (node.isArray() && node.isEmpty())) {
      return null;
    }
    if (!node.isArray()) {
      return List.of(keys.asInteger("layers_to_transform", node));
    }
    List<Integer> layers = new ArrayList<>();
    for (JsonNode layer : node) {
      layers.add(keys.asInteger("layers_to_transform", layer));
    }
    return layers;
  }
}
