package dev.graft.modelio;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/** Writes a configuration as the config.json that Hugging Face's loaders and graft's read back. */
final class ModelConfigWriter {
  private ModelConfigWriter() {}

  static ObjectNode write(ModelConfig config) {
    ObjectNode json = JsonMapper.shared().createObjectNode();
    json.putArray("architectures").add(config.architecture().className());
    json.put("model_type", config.architecture().modelType());
    json.put("hidden_size", config.hiddenSize());
    json.put("intermediate_size", config.intermediateSize());
    json.put("num_hidden_layers", config.layers());
    json.put("num_attention_heads", config.heads());
    json.put("num_key_value_heads", config.kvHeads());
    json.put("head_dim", config.headDim());
    json.put("vocab_size", config.vocabSize());
    json.put("max_position_embeddings", config.maxPositionEmbeddings());
    json.put("rms_norm_eps", config.rmsNormEps());
    json.put("rope_theta", config.ropeTheta());
    json.set("rope_scaling", ropeScaling(config.ropeScaling()));
    if (config.architecture() == ModelConfig.Architecture.MISTRAL) {
      json.put("sliding_window", config.slidingWindow());
    } else {
      json.put("attention_bias", false);
      json.put("mlp_bias", false);
    }
    json.put("hidden_act", "silu");
    json.put("tie_word_embeddings", config.tieWordEmbeddings());
    json.put("bos_token_id", config.bosTokenId());
    eosTokens(config, json);
    DType dtype = config.dtype();
    if (dtype != null) {
      json.put("torch_dtype", dtype.torchName());
    }
    return json;
  }

  private static void eosTokens(ModelConfig config, ObjectNode json) {
    switch (config.eosTokenIds().size()) {
      case 0 -> json.putNull("eos_token_id");
      case 1 -> json.put("eos_token_id", config.eosTokenIds().get(0));
      default -> {
        ArrayNode ids = json.putArray("eos_token_id");
        config.eosTokenIds().forEach(ids::add);
      }
    }
  }

  private static JsonNode ropeScaling(RopeScaling scaling) {
    ObjectNode json = JsonMapper.shared().createObjectNode();
    switch (scaling) {
      case RopeScaling.None() -> {
        return NullNode.getInstance();
      }
      case RopeScaling.Linear(double factor) ->
          json.put("rope_type", "linear").put("factor", factor);
      case RopeScaling.Llama3 llama3 ->
          json.put("rope_type", "llama3")
              .put("factor", llama3.factor())
              .put("low_freq_factor", llama3.lowFreqFactor())
              .put("high_freq_factor", llama3.highFreqFactor())
              .put("original_max_position_embeddings", llama3.originalMaxPositionEmbeddings());
      case RopeScaling.Divided _ ->
          throw new IllegalArgumentException("config.json has no words for divided frequencies");
    }
    return json;
  }
}
