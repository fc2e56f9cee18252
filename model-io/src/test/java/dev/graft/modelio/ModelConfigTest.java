package dev.graft.modelio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.ModelConfig.Architecture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class ModelConfigTest {
  private static final String LLAMA = "\"architectures\":[\"LlamaForCausalLM\"]";
  private static final String MISTRAL = "\"architectures\":[\"MistralForCausalLM\"]";

  @TempDir Path temp;

  private ModelConfig read(String... members) throws IOException {
    Path file = temp.resolve("config.json");
    Files.writeString(file, "{" + String.join(",", members) + "}");
    return ModelConfig.read(file);
  }

  @Test
  void absentKeysHaveLlamaConfigsDefaults() throws IOException {
    assertThat(read(LLAMA))
        .isEqualTo(
            new ModelConfig(
                Architecture.LLAMA,
                4096,
                11008,
                32,
                32,
                32,
                128,
                32000,
                2048,
                1e-6,
                10000,
                new RopeScaling.None(),
                null,
                false,
                null,
                1,
                List.of(2),
                List.of()));
  }

  @Test
  void absentKeysHaveMistralConfigsDefaults() throws IOException {
    ModelConfig config = read("\"model_type\":\"mistral\"");
    assertThat(config.architecture()).isEqualTo(Architecture.MISTRAL);
    assertThat(config.kvHeads()).isEqualTo(8);
    assertThat(config.intermediateSize()).isEqualTo(14336);
    assertThat(config.maxPositionEmbeddings()).isEqualTo(131072);
    assertThat(config.slidingWindow()).isEqualTo(4096);
    assertThat(read(MISTRAL, "\"sliding_window\":null").slidingWindow()).isNull();
    assertThat(read(MISTRAL, "\"num_key_value_heads\":null").kvHeads()).isEqualTo(32);
  }

  @Test
  void readsARealMistralConfig() throws IOException {
    // The keys of Mistral-Nemo, whose head_dim is not hidden_size / heads.
    ModelConfig config =
        read(
            MISTRAL,
            "\"model_type\":\"mistral\",\"attention_dropout\":0.0,\"bos_token_id\":1",
            "\"eos_token_id\":2,\"head_dim\":128,\"hidden_act\":\"silu\",\"hidden_size\":5120",
            "\"initializer_range\":0.02,\"intermediate_size\":14336",
            "\"max_position_embeddings\":131072,\"num_attention_heads\":32",
            "\"num_hidden_layers\":40,\"num_key_value_heads\":8,\"rms_norm_eps\":1e-05",
            "\"rope_theta\":1000000.0,\"sliding_window\":null,\"tie_word_embeddings\":false",
            "\"torch_dtype\":\"bfloat16\",\"transformers_version\":\"4.43.0.dev0\"",
            "\"use_cache\":true,\"vocab_size\":131072");
    assertThat(config.headDim()).isEqualTo(128);
    assertThat(Projection.Q_PROJ.outFeatures(config)).isEqualTo(4096);
    assertThat(Projection.O_PROJ.inFeatures(config)).isEqualTo(4096);
    assertThat(Projection.K_PROJ.outFeatures(config)).isEqualTo(1024);
    assertThat(config.dtype()).isEqualTo(DType.BF16);
    assertThat(config.notes()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "rope_theta":5e5,"rope_scaling":{"type":"linear","factor":4.0}
          "rope_theta":500000,"rope_scaling":{"rope_type":"linear","factor":4}
          "rope_parameters":{"rope_theta":500000.0,"rope_type":"linear","factor":4.0}
          """)
  void bothSpellingsOfRopeMeanTheSame(String members) throws IOException {
    ModelConfig config = read(LLAMA, members);
    assertThat(config.ropeTheta()).isEqualTo(500000);
    assertThat(config.ropeScaling()).isEqualTo(new RopeScaling.Linear(4));
    assertThat(config.inverseFrequencies()[1])
        .isCloseTo(Math.exp(-Math.log(5e5) * 2 / 128) / 4, within(1e-15));
  }

  @Test
  void newSpellingWithoutScaling() throws IOException {
    ModelConfig config =
        read(LLAMA, "\"rope_parameters\":{\"rope_theta\":7e4,\"rope_type\":\"default\"}");
    assertThat(config.ropeScaling()).isEqualTo(new RopeScaling.None());
    assertThat(config.inverseFrequencies()).hasSize(64);
    assertThat(config.inverseFrequencies()[0]).isEqualTo(1);
    assertThat(config.inverseFrequencies()[32]).isCloseTo(1 / Math.sqrt(7e4), within(1e-15));
    assertThat(read(LLAMA, "\"rope_scaling\":null").ropeScaling())
        .isEqualTo(new RopeScaling.None());
  }

  @Test
  void llama3FrequenciesAreHuggingFaces() throws IOException {
    Path file = Conformance.path("rope/llama3_rope_inv_freq.json");
    JsonNode golden = StrictJson.readObject(file, 1 << 20);
    ModelConfig config =
        read(
            LLAMA,
            "\"head_dim\":" + golden.get("head_dim"),
            "\"rope_theta\":" + golden.get("rope_theta"),
            "\"rope_scaling\":" + golden.get("rope_scaling"));
    double[] found = config.inverseFrequencies();
    JsonNode expected = golden.get("expected_inv_freq");
    assertThat(found).hasSize(expected.size());
    for (int i = 0; i < found.length; i++) {
      // The golden values are rounded to five digits.
      double value = expected.get(i).doubleValue();
      double half = 0.5001 * Math.pow(10, Math.floor(Math.log10(value)) - 4);
      assertThat(found[i]).isCloseTo(value, within(half));
    }
  }

  @Test
  void llama3FrequenciesByHand() {
    // theta 16, head_dim 8: frequencies 1, 1/2, 1/4, 1/8; original length 16·pi: rotations 8, 4, 2,
    // 1.
    var scaling = new RopeScaling.Llama3(10, 1, 4, 50);
    double[] found = scaling.inverseFrequencies(16, 8);
    double rotations = 50 * 0.25 / (2 * Math.PI); // 1.989: kept by 0.33
    double kept = (rotations - 1) / 3;
    assertThat(found[0]).isEqualTo(1);
    assertThat(found[1]).isCloseTo(blend(0.5, (50 * 0.5 / (2 * Math.PI) - 1) / 3), within(1e-15));
    assertThat(found[2]).isCloseTo(blend(0.25, kept), within(1e-15));
    assertThat(found[3]).isCloseTo(0.0125, within(1e-15));
  }

  private static double blend(double frequency, double kept) {
    return frequency * kept + frequency / 10 * (1 - kept);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "architectures":["GemmaForCausalLM"] | the architecture GemmaForCausalLM is not supported
          "model_type":"phi3" | the architecture "phi3" is not supported
          "x":1 | the architecture (none) is not supported
          "architectures":["LlamaForCausalLM"],"model_type":"mistral" | but model_type says "mistral"
          "architectures":"LlamaForCausalLM" | architectures must be a list
          %s,"hidden_act":"gelu" | hidden_act "gelu" is not supported
          %s,"attention_bias":true | attention_bias true
          %s,"mlp_bias":true | mlp_bias true
          %s,"attention_dropout":0.1 | attention_dropout 0.1
          %s,"partial_rotary_factor":0.5 | partial_rotary_factor 0.5
          %s,"auto_map":{"AutoConfig":"x.Y"} | brings its own Python code
          %s,"quantization_config":{"quant_method":"gptq"} | quantization_config (gptq)
          %s,"rope_scaling":{"rope_type":"yarn","factor":2} | rope_scaling.rope_type yarn is not supported
          %s,"rope_scaling":{"type":"dynamic","factor":2} | rope_type dynamic is not supported
          %s,"rope_scaling":{"factor":2} | rope_type is missing
          %s,"rope_scaling":{"type":"linear"} | rope_scaling.factor is
          %s,"rope_scaling":{"type":"linear","factor":-1} | rope_scaling.factor is -1
          %s,"rope_scaling":{"type":"linear","factor":2,"mscale":1} | rope_scaling.mscale is not supported
          %s,"rope_scaling":7 | an object is expected
          %s,"rope_parameters":{"rope_type":"llama3","factor":2} | low_freq_factor is
          %s,"rope_parameters":{"full_attention":{"rope_theta":1e4}} | rope_parameters.full_attention is not supported
          %s,"rope_scaling":{"type":"linear","factor":2},"rope_parameters":{"rope_theta":2} | they differ
          %s,"layer_types":["sliding_attention"] | layer_types asks for "sliding_attention"
          %s,"hidden_size":"64" | hidden_size is "64"; an integer is expected
          %s,"hidden_size":0 | hidden_size is 0
          %s,"hidden_size":100 | hidden_size 100 is not a multiple
          %s,"hidden_size":999999999999 | hidden_size is 999999999999; an integer
          %s,"num_hidden_layers":1000000 | num_hidden_layers is 1000000; it must be between 1 and 1000
          %s,"num_key_value_heads":5 | not a multiple of num_key_value_heads 5
          %s,"num_key_value_heads":64 | num_key_value_heads is 64
          %s,"num_attention_heads":0 | num_attention_heads 0
          %s,"head_dim":33 | head_dim 33 is odd
          %s,"rms_norm_eps":0 | rms_norm_eps 0.0
          %s,"rms_norm_eps":"1e-5" | rms_norm_eps is "1e-5"
          %s,"rope_theta":0 | rope_theta 0.0
          %s,"rope_theta":1e400 | rope_theta
          %s,"tie_word_embeddings":"yes" | tie_word_embeddings is "yes"
          %s,"eos_token_id":[1,"x"] | eos_token_id is "x"
          %s,"vocab_size":1,"vocab_size":2 | vocab_size
          %s,"vocab_size":2} | line 1
          "architectures":["MistralForCausalLM"],"sliding_window":0 | sliding_window is 0
          "architectures":["MistralForCausalLM"],"sliding_window":8,"use_sliding_window":false | contradicts
          """)
  void refusesByName(String members, String message) {
    assertThatThrownBy(() -> read(members.replace("%s", LLAMA)))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining(message);
  }

  @Test
  void notesWhatItIgnores() throws IOException {
    assertThat(read(LLAMA, "\"sliding_window\":4096", "\"vision_feature\":3", "\"use_cache\":true"))
        .satisfies(config -> {
          assertThat(config.slidingWindow()).isNull();
          assertThat(config.notes()).hasSize(2);
          assertThat(config.notes().get(0)).contains("sliding_window 4096 is ignored");
          assertThat(config.notes().get(1)).contains("does not know the key \"vision_feature\"");
        });
  }

  @Test
  void writesWhatItReads() throws IOException {
    ModelConfig config =
        read(
            MISTRAL,
            "\"head_dim\":80,\"sliding_window\":5,\"eos_token_id\":[2,7],\"bos_token_id\":null",
            "\"dtype\":\"float16\",\"rope_parameters\":{\"rope_theta\":5e5,\"rope_type\":\"llama3\"",
            "\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0",
            "\"original_max_position_embeddings\":8192}");
    assertThat(config.eosTokenIds()).containsExactly(2, 7);
    assertThat(config.bosTokenId()).isNull();
    Path copy = temp.resolve("copy.json");
    Files.writeString(copy, config.toJson());
    assertThat(ModelConfig.read(copy)).isEqualTo(config);
  }

  @Test
  void missingAndStrangeFilesAreErrors() throws IOException {
    assertThatThrownBy(() -> ModelConfig.read(temp.resolve("none.json")))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("does not exist");
    assertThatThrownBy(() -> ModelConfig.read(temp))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("is a folder");
    Path list = Files.writeString(temp.resolve("list.json"), "[1]");
    assertThatThrownBy(() -> ModelConfig.read(list)).hasMessageContaining("a JSON object");
    Path deep = Files.writeString(temp.resolve("deep.json"), "{\"a\":".repeat(5000));
    assertThatThrownBy(() -> ModelConfig.read(deep)).isInstanceOf(ModelIoException.class);
  }

  @Test
  void projectionsAreParsedAndNamed() {
    assertThat(Projection.parse(" Gate_proj ")).isEqualTo(Projection.GATE_PROJ);
    assertThatThrownBy(() -> Projection.parse("qproj"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("\"qproj\"")
        .hasMessageContaining("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
    assertThat(TensorNames.layer(3).downProj()).isEqualTo("model.layers.3.mlp.down_proj.weight");
  }
}
