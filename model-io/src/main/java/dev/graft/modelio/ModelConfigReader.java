package dev.graft.modelio;

import dev.graft.modelio.ModelConfig.Architecture;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Reads one config.json: refuses what would change the computation and is not computed. */
final class ModelConfigReader {
  private static final long MAX_BYTES = 16 << 20;

  /** Keys that change no number of the forward or backward pass, whatever they hold. */
  private static final Set<String> HARMLESS =
      Set.of(
          "_attn_implementation",
          "_attn_implementation_autoset",
          "_name_or_path",
          "bad_words_ids",
          "begin_suppress_tokens",
          "chunk_size_feed_forward",
          "decoder_start_token_id",
          "diversity_penalty",
          "do_sample",
          "early_stopping",
          "encoder_no_repeat_ngram_size",
          "exponential_decay_length_penalty",
          "finetuning_task",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "id2label",
          "initializer_range",
          "is_decoder",
          "is_encoder_decoder",
          "label2id",
          "length_penalty",
          "max_length",
          "min_length",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_return_sequences",
          "output_attentions",
          "output_hidden_states",
          "output_scores",
          "pad_token_id",
          "prefix",
          // Tensor-parallel slicing of the very same products.
          "pretraining_tp",
          "problem_type",
          "pruned_heads",
          "remove_invalid_values",
          "repetition_penalty",
          "return_dict",
          "return_dict_in_generate",
          "sep_token_id",
          "suppress_tokens",
          "task_specific_params",
          "temperature",
          "tf_legacy_loss",
          "tie_encoder_decoder",
          "tokenizer_class",
          "top_k",
          "top_p",
          "torchscript",
          "transformers_version",
          "typical_p",
          "unsloth_fixed",
          "unsloth_version",
          "use_bfloat16",
          "use_cache");

  private final Path file;
  private final ObjectNode json;
  private final Set<String> used = new HashSet<>();
  private final List<String> notes = new ArrayList<>();

  ModelConfigReader(Path file) {
    this.file = file;
    this.json = StrictJson.readObject(file, MAX_BYTES);
  }

  ModelConfig read() {
    Architecture architecture = architecture();
    boolean mistral = architecture == Architecture.MISTRAL;
    refuseWhatIsNotComputed();
    int hidden = integer("hidden_size", 4096);
    int heads = integer("num_attention_heads", 32);
    // MistralConfig's default is 8; a null there, and everything absent in a Llama, means no GQA.
    int absentKvHeads = mistral && !json.has("num_key_value_heads") ? 8 : heads;
    RopeReader rope = new RopeReader();
    @Nullable Integer window = slidingWindow(architecture);
    checkLayerTypes(window);
    try {
      ModelConfig config =
          new ModelConfig(
              architecture,
              hidden,
              integer("intermediate_size", mistral ? 14336 : 11008),
              integer("num_hidden_layers", 32),
              heads,
              integer("num_key_value_heads", absentKvHeads),
              headDim(hidden, heads),
              integer("vocab_size", 32000),
              integer("max_position_embeddings", mistral ? 4096 * 32 : 2048),
              number(json, "", "rms_norm_eps", 1e-6),
              rope.theta(),
              rope.scaling(),
              window,
              flag("tie_word_embeddings", false),
              dtype(),
              bosToken(),
              eosTokens(),
              List.of());
      return withNotes(config);
    } catch (ModelIoException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(file.toString()) ? e : refusal(message);
    }
  }

  private ModelConfig withNotes(ModelConfig c) {
    for (String key : json.propertyNames()) {
      if (!used.contains(key) && !HARMLESS.contains(key)) {
        notes.add(
            "%s: graft does not know the key \"%s\" and ignores it, as Hugging Face's %s does."
                .formatted(file, key, c.architecture().className()));
      }
    }
    return new ModelConfig(
        c.architecture(),
        c.hiddenSize(),
        c.intermediateSize(),
        c.layers(),
        c.heads(),
        c.kvHeads(),
        c.headDim(),
        c.vocabSize(),
        c.maxPositionEmbeddings(),
        c.rmsNormEps(),
        c.ropeTheta(),
        c.ropeScaling(),
        c.slidingWindow(),
        c.tieWordEmbeddings(),
        c.dtype(),
        c.bosTokenId(),
        c.eosTokenIds(),
        notes);
  }

  private Architecture architecture() {
    JsonNode names = value("architectures");
    JsonNode type = value("model_type");
    Optional<Architecture> byType =
        Arrays.stream(Architecture.values())
            .filter(a -> type != null && type.isString() && a.modelType().equals(type.asString()))
            .findFirst();
    if (names == null || names.isArray() && names.isEmpty()) {
      return byType.orElseThrow(() -> unsupported(type == null ? "(none)" : type.toString()));
    }
    if (!names.isArray() || names.size() != 1 || !names.get(0).isString()) {
      throw refusal("architectures must be a list of one name, found " + brief(names) + ".");
    }
    String name = names.get(0).asString();
    Architecture architecture =
        Arrays.stream(Architecture.values())
            .filter(a -> a.className().equals(name))
            .findFirst()
            .orElseThrow(() -> unsupported(name));
    if (type != null && (byType.isEmpty() || byType.get() != architecture)) {
      throw refusal("architectures says %s but model_type says %s.".formatted(name, brief(type)));
    }
    return architecture;
  }

  private ModelIoException unsupported(String name) {
    String known =
        Arrays.stream(Architecture.values())
            .map(Architecture::className)
            .collect(Collectors.joining(" and "));
    return refusal(
        "the architecture %s is not supported; graft computes %s.".formatted(name, known));
  }

  private void refuseWhatIsNotComputed() {
    JsonNode quantization = value("quantization_config");
    if (quantization != null) {
      String method = quantization.path("quant_method").asString("unknown method");
      throw refusal(
          "quantization_config (%s): the weights are quantized. Use the original checkpoint in bf16,"
                  .formatted(method)
              + " f16 or f32.");
    }
    JsonNode activation = value("hidden_act");
    if (activation != null
        && !(activation.isString() && Set.of("silu", "swish").contains(activation.asString()))) {
      throw refusal("hidden_act %s is not supported; graft computes silu.".formatted(activation));
    }
    refuseIfTrue("attention_bias");
    refuseIfTrue("mlp_bias");
    refuseIfTrue("add_cross_attention");
    refuseUnless("attention_dropout", 0.0);
    refuseUnless("partial_rotary_factor", 1.0);
    if (value("auto_map") != null) {
      throw refusal(
          "auto_map: the model brings its own Python code, so its computation may differ from the"
              + " architecture it names. Remove the key if you know that it does not.");
    }
  }

  private void refuseIfTrue(String key) {
    if (flag(key, false)) {
      throw refusal(key + " true is not supported.");
    }
  }

  private void refuseUnless(String key, double only) {
    double found = number(json, "", key, only);
    if (found != only) {
      throw refusal("%s %s is not supported; only %s is.".formatted(key, found, only));
    }
  }

  private int headDim(int hidden, int heads) {
    if (value("head_dim") != null) {
      return integer("head_dim", 0);
    }
    if (heads < 1 || hidden % heads != 0) {
      throw refusal(
          "hidden_size %d is not a multiple of num_attention_heads %d, and there is no head_dim."
              .formatted(hidden, heads));
    }
    return hidden / heads;
  }

  private @Nullable Integer slidingWindow(Architecture architecture) {
    JsonNode window = value("sliding_window");
    JsonNode use = value("use_sliding_window");
    if (architecture == Architecture.LLAMA) {
      if (window != null) {
        notes.add(
            "%s: sliding_window %s is ignored, as Hugging Face's LlamaForCausalLM does."
                .formatted(file, brief(window)));
      }
      return null;
    }
    if (use != null && flag("use_sliding_window", true) != (window != null)) {
      throw refusal("use_sliding_window %s contradicts sliding_window %s.".formatted(use, window));
    }
    if (!json.has("sliding_window")) {
      return 4096;
    }
    return window == null ? null : integer("sliding_window", 0);
  }

  private void checkLayerTypes(@Nullable Integer window) {
    JsonNode types = value("layer_types");
    if (types == null) {
      return;
    }
    String only = window == null ? "full_attention" : "sliding_attention";
    for (JsonNode type : types) {
      if (!type.asString("").equals(only)) {
        throw refusal(
            "layer_types asks for %s, but all layers of this model have %s; mixed layers are not"
                    .formatted(brief(type), only)
                + " supported.");
      }
    }
  }

  private @Nullable DType dtype() {
    JsonNode older = value("torch_dtype");
    JsonNode newer = value("dtype");
    JsonNode name = newer == null ? older : newer;
    return name == null ? null : DType.ofTorchName(name.asString("")).orElse(null);
  }

  private @Nullable Integer bosToken() {
    if (!json.has("bos_token_id")) {
      return 1;
    }
    JsonNode bos = value("bos_token_id");
    return bos == null ? null : tokenId("bos_token_id", bos);
  }

  private List<Integer> eosTokens() {
    if (!json.has("eos_token_id")) {
      return List.of(2);
    }
    JsonNode eos = value("eos_token_id");
    if (eos == null) {
      return List.of();
    }
    if (!eos.isArray()) {
      return List.of(tokenId("eos_token_id", eos));
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : eos) {
      ids.add(tokenId("eos_token_id", id));
    }
    return ids;
  }

  private int tokenId(String key, JsonNode node) {
    // Some configs say -1 for "none"; a negative id can never match a token.
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw refusal("%s is %s; a token id is expected.".formatted(key, brief(node)));
    }
    return node.intValue();
  }

  /** The key's value; null where it is absent or null. Marks the key as understood. */
  private @Nullable JsonNode value(String key) {
    used.add(key);
    JsonNode node = json.get(key);
    return node == null || node.isNull() ? null : node;
  }

  private int integer(String key, int whenAbsent) {
    JsonNode node = value(key);
    if (node == null) {
      return whenAbsent;
    }
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw refusal("%s is %s; an integer is expected.".formatted(key, brief(node)));
    }
    return node.intValue();
  }

  private boolean flag(String key, boolean whenAbsent) {
    JsonNode node = value(key);
    if (node == null) {
      return whenAbsent;
    }
    if (!node.isBoolean()) {
      throw refusal("%s is %s; true or false is expected.".formatted(key, brief(node)));
    }
    return node.booleanValue();
  }

  private double number(JsonNode object, String path, String key, double whenAbsent) {
    if (object == json) {
      used.add(key);
    }
    JsonNode node = object.get(key);
    if (node == null || node.isNull()) {
      return whenAbsent;
    }
    if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
      throw refusal("%s%s is %s; a number is expected.".formatted(path, key, brief(node)));
    }
    return node.doubleValue();
  }

  private ModelIoException refusal(String what) {
    return new ModelIoException(file + ": " + what);
  }

  private static String brief(JsonNode node) {
    String text = node.toString();
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }

  /**
   * Rotary settings in both spellings: {@code rope_theta} with {@code rope_scaling}, and the newer
   * {@code rope_parameters} that holds both.
   */
  private final class RopeReader {
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

    private final @Nullable JsonNode parameters;
    private final String path;

    RopeReader() {
      JsonNode newer = value("rope_parameters");
      JsonNode older = value("rope_scaling");
      if (newer != null && older != null && !newer.equals(older)) {
        throw refusal("both rope_parameters and rope_scaling are there, and they differ.");
      }
      parameters = newer == null ? older : newer;
      path = newer == null ? "rope_scaling." : "rope_parameters.";
      if (parameters == null) {
        return;
      }
      if (!parameters.isObject()) {
        throw refusal(path + " is " + brief(parameters) + "; an object is expected.");
      }
      for (String key : parameters.propertyNames()) {
        if (!KNOWN.contains(key)) {
          throw refusal(path + key + " is not supported.");
        }
      }
      if (number(parameters, path, "partial_rotary_factor", 1.0) != 1.0) {
        throw refusal(path + "partial_rotary_factor other than 1 is not supported.");
      }
    }

    double theta() {
      double outer = number(json, "", "rope_theta", 10000.0);
      return parameters == null ? outer : number(parameters, path, "rope_theta", outer);
    }

    RopeScaling scaling() {
      if (parameters == null) {
        return new RopeScaling.None();
      }
      return switch (type(parameters)) {
        case "default" -> new RopeScaling.None();
        case "linear" -> new RopeScaling.Linear(positive(parameters, "factor"));
        case "llama3" -> llama3(parameters);
        default ->
            throw refusal(
                path
                    + "rope_type "
                    + type(parameters)
                    + " is not supported; default, linear and llama3 are.");
      };
    }

    private RopeScaling llama3(JsonNode parameters) {
      double low = positive(parameters, "low_freq_factor");
      double high = positive(parameters, "high_freq_factor");
      if (high <= low) {
        throw refusal(path + "high_freq_factor must be larger than low_freq_factor.");
      }
      double original = positive(parameters, "original_max_position_embeddings");
      if (original != (int) original) {
        throw refusal(path + "original_max_position_embeddings must be an integer.");
      }
      return new RopeScaling.Llama3(positive(parameters, "factor"), low, high, (int) original);
    }

    private String type(JsonNode parameters) {
      JsonNode newer = parameters.get("rope_type");
      JsonNode older = parameters.get("type");
      JsonNode type = newer == null ? older : newer;
      if (type == null || !type.isString()) {
        if (parameters.has("factor")) {
          throw refusal(path + "rope_type is missing.");
        }
        return "default";
      }
      return type.asString();
    }

    private double positive(JsonNode parameters, String key) {
      double found = number(parameters, path, key, Double.NaN);
      if (!(found > 0 && found < 1e12)) {
        throw refusal(
            path + key + " is " + brief(parameters.path(key)) + "; a positive number is expected.");
      }
      return found;
    }
  }
}
