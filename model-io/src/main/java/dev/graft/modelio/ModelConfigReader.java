package dev.graft.modelio;

import dev.graft.modelio.ModelConfig.Architecture;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

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
  private final ConfigKeys keys;
  private final List<String> notes = new ArrayList<>();

  ModelConfigReader(Path file) {
    this.file = file;
    this.keys = new ConfigKeys(file, StrictJson.readObject(file, MAX_BYTES), "");
  }

  ModelConfig read() {
    Architecture architecture = architecture();
    boolean mistral = architecture == Architecture.MISTRAL;
    refuseWhatIsNotComputed();
    int hidden = keys.integer("hidden_size", 4096);
    int heads = keys.integer("num_attention_heads", 32);
    // MistralConfig's default is 8; a null there, and everything absent in a Llama, means no GQA.
    int absentKvHeads = mistral && !keys.has("num_key_value_heads") ? 8 : heads;
    RopeReader rope = new RopeReader(file, keys);
    @Nullable Integer window = slidingWindow(architecture);
    checkLayerTypes(window);
    try {
      ModelConfig config =
          new ModelConfig(
              architecture,
              hidden,
              keys.integer("intermediate_size", mistral ? 14336 : 11008),
              keys.integer("num_hidden_layers", 32),
              heads,
              keys.integer("num_key_value_heads", absentKvHeads),
              headDim(hidden, heads),
              keys.integer("vocab_size", 32000),
              keys.integer("max_position_embeddings", mistral ? 4096 * 32 : 2048),
              keys.number("rms_norm_eps", 1e-6),
              rope.theta(),
              rope.scaling(),
              window,
              keys.flag("tie_word_embeddings", false),
              dtype(),
              bosToken(),
              eosTokens(),
              List.of());
      return withNotes(config);
    } catch (ModelIoException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(file.toString()) ? e : keys.refusal(message);
    }
  }

  private ModelConfig withNotes(ModelConfig c) {
    for (String key : keys.unused()) {
      if (!HARMLESS.contains(key)) {
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
    JsonNode names = keys.value("architectures");
    JsonNode type = keys.value("model_type");
    Optional<Architecture> byType =
        Arrays.stream(Architecture.values())
            .filter(a -> type != null && type.isString() && a.modelType().equals(type.asString()))
            .findFirst();
    if (names == null || (names.isArray() && names.isEmpty())) {
      return byType.orElseThrow(() -> unsupported(type == null ? "(none)" : type.toString()));
    }
    if (!names.isArray() || names.size() != 1 || !names.get(0).isString()) {
      throw keys.refusal(
          "architectures must be a list of one name, found " + ConfigKeys.brief(names) + ".");
    }
    String name = names.get(0).asString();
    Architecture architecture =
        Arrays.stream(Architecture.values())
            .filter(a -> a.className().equals(name))
            .findFirst()
            .orElseThrow(() -> unsupported(name));
    if (type != null && (byType.isEmpty() || byType.get() != architecture)) {
      throw keys.refusal(
          "architectures says %s but model_type says %s.".formatted(name, ConfigKeys.brief(type)));
    }
    return architecture;
  }

  private ModelIoException unsupported(String name) {
    String known =
        Arrays.stream(Architecture.values())
            .map(Architecture::className)
            .collect(Collectors.joining(" and "));
    return keys.refusal(
        "the architecture %s is not supported; graft computes %s.".formatted(name, known));
  }

  private void refuseWhatIsNotComputed() {
    JsonNode quantization = keys.value("quantization_config");
    if (quantization != null) {
      String method = quantization.path("quant_method").asString("unknown method");
      throw keys.refusal(
          "quantization_config (%s): the weights are quantized. Use the original checkpoint in bf16,"
                  .formatted(method)
              + " f16 or f32.");
    }
    JsonNode activation = keys.value("hidden_act");
    if (activation != null
        && !(activation.isString() && Set.of("silu", "swish").contains(activation.asString()))) {
      throw keys.refusal(
          "hidden_act %s is not supported; graft computes silu.".formatted(activation));
    }
    refuseIfTrue("attention_bias");
    refuseIfTrue("mlp_bias");
    refuseIfTrue("add_cross_attention");
    refuseUnless("attention_dropout", 0.0);
    refuseUnless("partial_rotary_factor", 1.0);
    if (keys.value("auto_map") != null) {
      throw keys.refusal(
          "auto_map: the model brings its own Python code, so its computation may differ from the"
              + " architecture it names. Remove the key if you know that it does not.");
    }
  }

  private void refuseIfTrue(String key) {
    if (keys.flag(key, false)) {
      throw keys.refusal(key + " true is not supported.");
    }
  }

  private void refuseUnless(String key, double only) {
    double found = keys.number(key, only);
    if (found != only) {
      throw keys.refusal("%s %s is not supported; only %s is.".formatted(key, found, only));
    }
  }

  private int headDim(int hidden, int heads) {
    if (keys.value("head_dim") != null) {
      return keys.integer("head_dim", 0);
    }
    if (heads < 1 || hidden % heads != 0) {
      throw keys.refusal(
          "hidden_size %d is not a multiple of num_attention_heads %d, and there is no head_dim."
              .formatted(hidden, heads));
    }
    return hidden / heads;
  }

  private @Nullable Integer slidingWindow(Architecture architecture) {
    JsonNode window = keys.value("sliding_window");
    JsonNode use = keys.value("use_sliding_window");
    if (architecture == Architecture.LLAMA) {
      if (window != null) {
        notes.add(
            "%s: sliding_window %s is ignored, as Hugging Face's LlamaForCausalLM does."
                .formatted(file, ConfigKeys.brief(window)));
      }
      return null;
    }
    if (use != null && keys.flag("use_sliding_window", true) != (window != null)) {
      throw keys.refusal(
          "use_sliding_window %s contradicts sliding_window %s.".formatted(use, window));
    }
    if (!keys.has("sliding_window")) {
      return 4096;
    }
    return window == null ? null : keys.integer("sliding_window", 0);
  }

  private void checkLayerTypes(@Nullable Integer window) {
    JsonNode types = keys.value("layer_types");
    if (types == null) {
      return;
    }
    String only = window == null ? "full_attention" : "sliding_attention";
    for (JsonNode type : types) {
      if (!type.asString("").equals(only)) {
        throw keys.refusal(
            "layer_types asks for %s, but all layers of this model have %s; mixed layers are not"
                    .formatted(ConfigKeys.brief(type), only)
                + " supported.");
      }
    }
  }

  private @Nullable DType dtype() {
    JsonNode older = keys.value("torch_dtype");
    JsonNode newer = keys.value("dtype");
    JsonNode name = newer == null ? older : newer;
    return name == null ? null : DType.ofTorchName(name.asString("")).orElse(null);
  }

  private @Nullable Integer bosToken() {
    if (!keys.has("bos_token_id")) {
      return 1;
    }
    JsonNode bos = keys.value("bos_token_id");
    return bos == null ? null : tokenId("bos_token_id", bos);
  }

  private List<Integer> eosTokens() {
    if (!keys.has("eos_token_id")) {
      return List.of(2);
    }
    JsonNode eos = keys.value("eos_token_id");
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
    return keys.asInteger(key, node);
  }
}
