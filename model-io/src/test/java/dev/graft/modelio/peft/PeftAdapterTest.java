package dev.graft.modelio.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.Conformance;
import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

class PeftAdapterTest {
  private static final ModelConfig MODEL =
      RandomCheckpoint.llama().hiddenSize(36).heads(6).kvHeads(2).headDim(10).config();

  @TempDir Path temp;

  static List<LoraWeights> randomWeights(PeftConfig config, List<Projection> projections) {
    Random random = new Random(7);
    List<LoraWeights> weights = new ArrayList<>();
    for (int layer = 0; layer < MODEL.layers(); layer++) {
      for (Projection projection : projections) {
        int rank = config.rank(layer, projection);
        float[] a = new float[rank * projection.inFeatures(MODEL)];
        float[] b = new float[rank * projection.outFeatures(MODEL)];
        for (float[] values : List.of(a, b)) {
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
          }
        }
        float[] magnitude = new float[config.dora() ? projection.outFeatures(MODEL) : 0];
        for (int i = 0; i < magnitude.length; i++) {
          magnitude[i] = random.nextFloat();
        }
        weights.add(new LoraWeights(layer, projection, rank, a, b, magnitude));
      }
    }
    return weights;
  }

  private Path written() {
    PeftConfig config =
        PeftConfig.of(3, 6, 0.05, List.of(Projection.Q_PROJ, Projection.DOWN_PROJ), false, "base");
    Path folder = temp.resolve("adapter");
    PeftAdapter.write(
        folder,
        config,
        randomWeights(config, List.of(Projection.Q_PROJ, Projection.DOWN_PROJ)),
        true);
    return folder;
  }

  private static void editConfig(Path folder, String key, String json) throws IOException {
    Path file = folder.resolve(PeftAdapter.CONFIG_FILE);
    ObjectNode config = StrictJson.readObject(file, 1 << 20);
    ObjectNode value =
        StrictJson.parseObject(("{\"v\":" + json + "}").getBytes(StandardCharsets.UTF_8), "test");
    config.set(key, value.get("v"));
    Files.writeString(file, StrictJson.print(config));
  }

  @Test
  void anotherBaseModelIsCalledThat() {
    Path folder = written();
    RandomCheckpoint same = RandomCheckpoint.llama().hiddenSize(36).heads(6).kvHeads(2).headDim(10);
    String belongs = "The adapter belongs to another base model: it was trained on 'base'.";

    assertThatThrownBy(() -> PeftAdapter.read(folder, same.hiddenSize(42).config()))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("has the shape [3, 36]")
        .hasMessageContaining("ask for [3, 42]. " + belongs);
    assertThatThrownBy(() -> PeftAdapter.read(folder, same.hiddenSize(36).layers(1).config()))
        .hasMessageContaining("which has 1 layers. " + belongs);
  }

  @Test
  void aWrongRankIsNoOtherBaseModel() throws IOException {
    Path folder = written();
    editConfig(folder, "r", "4");

    assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL))
        .hasMessageContaining("has the shape [3, 36]")
        .hasMessageNotContaining("another base model");
  }

  /** The names that PEFT has for DoRA's magnitudes, which are vectors. */
  @Test
  void magnitudesOfDoraAreVectorsOfTheirOwn() throws IOException {
    List<Projection> targets = List.of(Projection.K_PROJ);
    PeftConfig config =
        new PeftConfig(
            3, 6, 0, TargetModules.of(targets), false, "base", Map.of(), Map.of(), null, true);
    Path folder = temp.resolve("dora");
    PeftAdapter.write(folder, config, randomWeights(config, targets), false);
    assertThat(folder.resolve(PeftAdapter.CONFIG_FILE)).content().contains("\"use_dora\" : true");
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(PeftAdapter.WEIGHTS_FILE))) {
      String module = "base_model.model.model.layers.1.self_attn.k_proj.";
      assertThat(file.info(module + "lora_magnitude_vector").shape())
          .containsExactly((long) Projection.K_PROJ.outFeatures(MODEL));
      assertThat(file.names()).hasSize(6);
    }
    editConfig(folder, "use_dora", "false");
    assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL))
        .as("magnitudes must not be passed over")
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("lora_magnitude_vector is not a LoRA weight");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void comesBackAsItWasWritten(boolean dora) {
    PeftConfig config =
        new PeftConfig(
            5,
            7.5,
            0.1,
            TargetModules.of(List.of(Projection.values())),
            true,
            "hf://org/name",
            Map.of("model.layers.1.self_attn.k_proj", 2),
            Map.of("mlp.up_proj", 3.0),
            null,
            dora);
    List<LoraWeights> weights = randomWeights(config, List.of(Projection.values()));
    Path folder = temp.resolve("adapter");
    PeftAdapter.write(folder, config, weights, false);

    PeftAdapter read = PeftAdapter.read(folder, MODEL);
    assertThat(read.config()).isEqualTo(config);
    assertThat(read.weights()).hasSize(14);
    for (int i = 0; i < weights.size(); i++) {
      assertThat(read.weights().get(i)).usingRecursiveComparison().isEqualTo(weights.get(i));
    }
    assertThat(config.rank(1, Projection.K_PROJ)).isEqualTo(2);
    assertThat(config.rank(0, Projection.K_PROJ)).isEqualTo(5);
    assertThat(config.scale(0, Projection.UP_PROJ)).isEqualTo(3 / Math.sqrt(5));
    assertThat(config.scale(1, Projection.K_PROJ)).isEqualTo(7.5 / Math.sqrt(2));
    try (Stream<Path> beside = Files.list(temp)) {
      assertThat(beside).containsExactly(folder);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void readsTheGoldenRunsAdapters() {
    ModelConfig model = ModelConfig.read(Conformance.path("models/stories260K-hf/config.json"));
    for (String name : List.of("init_adapter", "final_adapter")) {
      Path folder = Conformance.path("lora-training/stories260K/" + name);
      PeftAdapter adapter = PeftAdapter.read(folder, model);
      assertThat(adapter.weights()).hasSize(35);
      assertThat(adapter.config().scale(4, Projection.GATE_PROJ)).isEqualTo(2.0);
      LoraWeights last = adapter.weights().get(34);
      assertThat(last.layer()).isEqualTo(4);
      assertThat(last.projection()).isEqualTo(Projection.DOWN_PROJ);
      assertThat(last.inFeatures()).isEqualTo(172);
      assertThat(last.outFeatures()).isEqualTo(64);

      Path copy = temp.resolve(name);
      adapter.write(copy, false);
      try (SafetensorsFile a = SafetensorsFile.open(folder.resolve(PeftAdapter.WEIGHTS_FILE));
          SafetensorsFile b = SafetensorsFile.open(copy.resolve(PeftAdapter.WEIGHTS_FILE))) {
        assertThat(b.names()).containsExactlyInAnyOrderElementsOf(a.names());
        for (String tensor : a.names()) {
          assertThat(b.data(tensor).mismatch(a.data(tensor))).as(tensor).isEqualTo(-1);
        }
      }
    }
  }

  @Test
  void wholeAlphasAreWrittenAsIntegers() {
    PeftConfig whole = PeftConfig.of(4, 16, 0, List.of(Projection.Q_PROJ), false, "");
    assertThat(whole.toJson())
        .contains("\"lora_alpha\" : 16,")
        .contains("\"task_type\" : \"CAUSAL_LM\"")
        .contains("\"modules_to_save\" : null")
        .contains("\"inference_mode\" : true");
    PeftConfig half = PeftConfig.of(4, 0.5, 0, List.of(Projection.Q_PROJ), false, "");
    assertThat(half.toJson()).contains("\"lora_alpha\" : 0.5,");
  }

  @Test
  void halfPrecisionIsWidened() {
    Path folder = written();
    float[] a = new float[3 * 36];
    for (int i = 0; i < a.length; i++) {
      a[i] = (i - 50) / 7f;
    }
    Path file = folder.resolve(PeftAdapter.WEIGHTS_FILE);
    SafetensorsWriter writer = new SafetensorsWriter();
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        if (name.endsWith("layers.1.self_attn.q_proj.lora_A.weight")) {
          writer.add(name, DType.BF16, List.of(3L, 36L), a);
        } else {
          writer.add(name, DType.F32, old.info(name).shape(), old.data(name));
        }
      }
      writer.write(file);
    }
    LoraWeights lora = PeftAdapter.read(folder, MODEL).weights().get(2);
    assertThat(lora.layer()).isEqualTo(1);
    for (int i = 0; i < a.length; i++) {
      assertThat(lora.a()[i]).isEqualTo(Halfs.bf16ToFloat(Halfs.floatToBf16(a[i])));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          use_dora | true | not base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude
          bias | "all" | bias is "all"
          modules_to_save | ["lm_head"] | modules_to_save ["lm_head"] is not supported
          peft_type | "LOHA" | peft_type is "LOHA"
          task_type | "SEQ_CLS" | task_type is "SEQ_CLS"
          fan_in_fan_out | true | fan_in_fan_out true
          lora_bias | true | lora_bias true
          init_lora_weights | "pissa" | init_lora_weights "pissa" changes the base model
          trainable_token_indices | [5] | trainable_token_indices [5]
          some_new_option | "on" | some_new_option "on" is not supported
          r | 0 | r is 0; a rank is between 1 and
          r | 4 | has the shape [3, 36]
          r | 2.5 | an integer is expected
          r | 100000 | a rank is between 1 and
          lora_alpha | "16" | lora_alpha is "16"
          lora_alpha | -1 | lora_alpha is -1.0
          lora_dropout | 1 | lora_dropout is 1.0
          target_modules | [] | a list of module names is expected
          target_modules | ["q_proj"] | is not among the target_modules
          target_modules | ["q_proj","up_proj","down_proj"] | mlp.up_proj.lora_A.weight, which adapter_config.json lists
          layers_to_transform | [0] | layers.1.self_attn.q_proj.lora_A.weight, which is not among
          rank_pattern | {"q_proj(":4} | is not a regular expression
          rank_pattern | {"(.*)*(.*)*(.*)*(.*)*(.*)*x":4} | takes too long
          rank_pattern | {"q_proj":0} | rank_pattern.q_proj is 0
          alpha_pattern | {"q_proj":true} | alpha_pattern.q_proj is true
          use_rslora | 1 | true or false
          """)
  void refusesByName(String key, String json, String message) throws IOException {
    Path folder = written();
    editConfig(folder, key, json);
    assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"all-linear\"",
        "[\"self_attn.q_proj\",\"mlp.down_proj\"]",
        "\".*(q|down)_proj\""
      })
  void understandsEverySpellingOfTargetModules(String json) throws IOException {
    Path folder = written();
    editConfig(folder, "target_modules", json);
    if (json.contains("all-linear")) {
      assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL)).hasMessageContaining("k_proj");
    } else {
      assertThat(PeftAdapter.read(folder, MODEL).weights()).hasSize(4);
    }
  }

  @Test
  void refusesTensorsThatAreMissingOrUnknown() {
    Path folder = written();
    Path file = folder.resolve(PeftAdapter.WEIGHTS_FILE);
    SafetensorsWriter less = new SafetensorsWriter();
    SafetensorsWriter more = new SafetensorsWriter();
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        more.add(name, DType.F32, old.info(name).shape(), old.data(name));
        if (!name.contains("layers.1.mlp.down_proj.lora_B")) {
          less.add(name, DType.F32, old.info(name).shape(), old.data(name));
        }
      }
      less.write(temp.resolve("less"));
      more.add("base_model.model.classifier.lora_A.weight", List.of(1L), new float[1]);
      more.write(temp.resolve("more"));
    }
    copyOver(temp.resolve("less"), file);
    assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("down_proj.lora_A.weight but not")
        .hasMessageContaining("down_proj.lora_B.weight");
    copyOver(temp.resolve("more"), file);
    assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("base_model.model.classifier.lora_A.weight is not a LoRA weight");
    ModelConfig shallower =
        RandomCheckpoint.llama().hiddenSize(36).heads(6).headDim(10).layers(1).config();
    assertThatThrownBy(() -> PeftAdapter.read(written(), shallower))
        .hasMessageContaining("layers.1.")
        .hasMessageContaining("which has 1 layers");
  }

  @Test
  void refusesToReplaceUnlessAsked() throws IOException {
    Path folder = written();
    Files.writeString(folder.resolve("mine.txt"), "something of the user's");
    PeftAdapter adapter = PeftAdapter.read(folder, MODEL);
    assertThatThrownBy(() -> adapter.write(folder, false))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("exists already");
    assertThat(folder.resolve("mine.txt")).exists();
    adapter.write(folder, true);
    assertThat(folder.resolve("mine.txt")).doesNotExist();
    assertThat(PeftAdapter.read(folder, MODEL).weights()).hasSize(4);
  }

  @Test
  void saysWhatAFolderLacks() throws IOException {
    assertThatThrownBy(() -> PeftAdapter.read(temp.resolve("nothing"), MODEL))
        .hasMessageContaining("is not a folder");
    assertThatThrownBy(() -> PeftAdapter.read(temp, MODEL))
        .hasMessageContaining("has no adapter_config.json");
    Path folder = written();
    Files.delete(folder.resolve(PeftAdapter.WEIGHTS_FILE));
    Files.writeString(folder.resolve("adapter_model.bin"), "pickle");
    assertThatThrownBy(() -> PeftAdapter.read(folder, MODEL))
        .hasMessageContaining("safe_serialization=True");
  }

  private static void copyOver(Path from, Path to) {
    try {
      Files.move(from, to, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
