package dev.graft.modelio.peft;

import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes adapter_config.json with the keys of PEFT 0.18's LoraConfig in its order, so that strict
 * readers find everything and lenient ones nothing new. {@code peft_version} is left out: no PEFT
 * has written it.
 */
final class PeftConfigWriter {
  private PeftConfigWriter() {}

  static ObjectNode write(PeftConfig config) {
    ObjectNode json = JsonMapper.shared().createObjectNode();
    json.putNull("alora_invocation_tokens");
    ObjectNode alphas = json.putObject("alpha_pattern");
    config.alphaPattern().forEach((key, alpha) -> putNumber(alphas, key, alpha));
    json.putNull("arrow_config");
    json.putNull("auto_mapping");
    json.put("base_model_name_or_path", config.baseModel());
    json.put("bias", "none");
    json.putNull("corda_config");
    json.put("ensure_weight_tying", false);
    json.putNull("eva_config");
    json.putNull("exclude_modules");
    json.put("fan_in_fan_out", false);
    json.put("inference_mode", true);
    json.put("init_lora_weights", true);
    json.putNull("layer_replication");
    json.putNull("layers_pattern");
    putLayers(json, config);
    json.putObject("loftq_config");
    putNumber(json, "lora_alpha", config.alpha());
    json.put("lora_bias", false);
    putNumber(json, "lora_dropout", config.dropout());
    json.putNull("megatron_config");
    json.put("megatron_core", "megatron.core");
    json.putNull("modules_to_save");
    json.put("peft_type", "LORA");
    json.put("qalora_group_size", 16);
    json.put("r", config.rank());
    ObjectNode ranks = json.putObject("rank_pattern");
    config.rankPattern().forEach(ranks::put);
    json.putNull("revision");
    putTargets(json, config.targetModules());
    json.putNull("target_parameters");
    json.put("task_type", "CAUSAL_LM");
    json.putNull("trainable_token_indices");
    json.put("use_dora", config.dora());
    json.put("use_qalora", false);
    json.put("use_rslora", config.rslora());
    return json;
  }

  private static void putLayers(ObjectNode json, PeftConfig config) {
    if (config.layersToTransform() == null) {
      json.putNull("layers_to_transform");
      return;
    }
    ArrayNode layers = json.putArray("layers_to_transform");
    config.layersToTransform().forEach(layers::add);
  }

  private static void putTargets(ObjectNode json, TargetModules targets) {
    switch (targets) {
      case TargetModules.Names(var names) -> {
        ArrayNode array = json.putArray("target_modules");
        names.forEach(array::add);
      }
      case TargetModules.Expression(String regex) -> json.put("target_modules", regex);
      case TargetModules.AllLinear() -> json.put("target_modules", "all-linear");
    }
  }

  /** PEFT declares alpha an int, and some servers insist on it; whole numbers are written so. */
  private static void putNumber(ObjectNode json, String key, double value) {
    if (value == Math.rint(value) && Math.abs(value) < 1e9 && value != 0) {
      json.put(key, (int) value);
    } else {
      json.put(key, value);
    }
  }
}
