package dev.graft.trainer.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.gguf.GgmlType;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Exports of an adapter with everything that is special, on the quickstart's bfloat16 model. */
class ExportTest {
  private static final Path BASE =
      Path.of(System.getProperty("graft.root", "..")).resolve("configs/quickstart/model");

  @TempDir Path temp;
  private Path out;

  @BeforeEach
  void nameOut() {
    out = temp.resolve("exports/out");
  }

  private Path adapter(float size) {
    return adapter(size, false);
  }

  private Path adapter(float size, boolean dora) {
    ModelConfig model = ModelConfig.read(BASE.resolve("config.json"));
    PeftConfig config =
        new PeftConfig(
            3,
            4.5,
            0,
            TargetModules.of(List.of(Projection.values())),
            true,
            "base",
            Map.of("layers.1.self_attn.q_proj", 5),
            Map.of("k_proj", 2.5),
            null,
            dora);
    Random random = new Random(11);
    List<LoraWeights> weights = new ArrayList<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        int rank = config.rank(layer, projection);
        float[] a = new float[rank * projection.inFeatures(model)];
        float[] b = new float[rank * projection.outFeatures(model)];
        for (int i = 0; i < a.length; i++) {
          a[i] = (float) random.nextGaussian() * 0.2f;
        }
        for (int i = 0; i < b.length; i++) {
          b[i] = (float) random.nextGaussian() * size;
        }
        float[] magnitude = new float[dora ? projection.outFeatures(model) : 0];
        for (int i = 0; i < magnitude.length; i++) {
          magnitude[i] = 0.5f + random.nextFloat();
        }
        weights.add(new LoraWeights(layer, projection, rank, a, b, magnitude));
      }
    }
    Path folder = temp.resolve("adapter-" + size + (dora ? "-dora" : ""));
    PeftAdapter.write(folder, config, weights, false);
    return folder;
  }

  private void export(Path adapter, Set<ExportTarget> targets, GgmlType... types) {
    ExportSource source = ExportSource.of(adapter, Optional.of(BASE.toString()));
    Export.run(source, targets, List.of(types), out, Console.silent());
  }

  private JsonNode certificate() throws IOException {
    return JsonMapper.shared().readTree(Files.readString(out.resolve("parity.json")));
  }

  @Test
  void everyTargetSaysTheSameAndIsCertified() throws IOException {
    export(adapter(0.2f), EnumSet.allOf(ExportTarget.class), GgmlType.BF16, GgmlType.Q8_0);

    JsonNode certificate = certificate();
    assertThat(certificate.path("verdict").asString()).isEqualTo("passed");
    assertThat(certificate.path("adapter_effect").path("mean_kl").asDouble())
        .as("the adapter does something")
        .isGreaterThan(0.01);
    assertThat(certificate.path("artifacts").valueStream().map(a -> a.path("path").asString()))
        .containsExactly(
            "peft",
            "gguf/adapter.gguf",
            "merged",
            "gguf-merged/model-bf16.gguf",
            "gguf-merged/model-q8_0.gguf",
            "ollama");
    for (JsonNode artifact : certificate.path("artifacts")) {
      boolean lossless = !artifact.path("path").asString().contains("merged");
      assertThat(artifact.path("mean_kl").asDouble())
          .as(artifact.path("path").asString())
          .isLessThan(lossless ? 1e-9 : 1e-2);
      assertThat(artifact.path("greedy_tokens").asInt()).isEqualTo(8 * 32);
    }
    assertThat(certificate.path("files").propertyNames())
        .contains(
            "peft/adapter_config.json",
            "peft/adapter_model.safetensors",
            "peft/tokenizer.json",
            "peft/README.md",
            "peft/serving.properties",
            "merged/model.safetensors",
            "merged/config.json",
            "ollama/Modelfile");
    JsonNode peft =
        JsonMapper.shared().readTree(Files.readString(out.resolve("peft/adapter_config.json")));
    assertThat(peft.path("r").asInt()).as("ranks are filled up").isEqualTo(5);
    assertThat(peft.path("lora_alpha").isInt()).isTrue();
    assertThat(peft.path("rank_pattern")).isEmpty();

    Verification.run(out, options(false), Console.silent());
    Path tampered = out.resolve("gguf-merged/model-q8_0.gguf");
    byte[] bytes = Files.readAllBytes(tampered);
    bytes[bytes.length - 100] ^= 1;
    Files.write(tampered, bytes);
    assertThatThrownBy(() -> Verification.run(out, options(true), Console.silent()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("gguf-merged/model-q8_0.gguf has changed");
  }

  @Test
  void doraIsExactUnmergedAndMergedInFloat32() throws IOException {
    export(
        adapter(0.2f, true),
        EnumSet.of(ExportTarget.PEFT, ExportTarget.MERGED, ExportTarget.GGUF_MERGED),
        GgmlType.F32);
    JsonNode certificate = certificate();
    assertThat(certificate.path("verdict").asString()).isEqualTo("passed");
    for (JsonNode artifact : certificate.path("artifacts")) {
      String path = artifact.path("path").asString();
      assertThat(artifact.path("mean_kl").asDouble())
          .as(path)
          .isLessThan(path.equals("merged") ? 1e-2 : 1e-9);
    }
    Path peft = out.resolve("peft");
    assertThat(peft.resolve("adapter_config.json")).content().contains("\"use_dora\" : true");
    assertThat(peft.resolve("README.md"))
        .content()
        .contains("vLLM refuses DoRA", "alpha 4, DoRA, dropout 0");
    Verification.run(out, options(false), Console.silent());
  }

  private static Verification.Options options(boolean filesOnly) {
    return new Verification.Options(
        Optional.empty(), Optional.empty(), filesOnly, Optional.empty());
  }

  /** A certificate that could not fail would be worth nothing. */
  @Test
  void wrongFilesDoNotPass() throws IOException {
    Path folder = adapter(0.2f);
    export(folder, EnumSet.of(ExportTarget.GGUF, ExportTarget.MERGED));
    Path file = out.resolve("gguf/adapter.gguf");
    try (Checkpoint base = Checkpoint.open(BASE)) {
      PeftAdapter adapter = PeftAdapter.read(folder, base.config());
      assertThat(violations(base, adapter)).allMatch(List::isEmpty);

      // Another interleaving of the rows of q and k, as if heads were half as wide.
      ModelConfig narrow = withHeadDim(base.config(), 8);
      GgufLora.write(file, adapter, narrow, "wrong");
      assertThat(violations(base, adapter).getFirst()).isNotEmpty();

      // rsLoRA's scale forgotten.
      PeftConfig c = adapter.config();
      PeftConfig plain =
          new PeftConfig(
              c.rank(),
              c.alpha(),
              0,
              c.targetModules(),
              false,
              "",
              c.rankPattern(),
              c.alphaPattern(),
              null);
      GgufLora.write(file, new PeftAdapter(plain, adapter.weights()), base.config(), "wrong");
      assertThat(violations(base, adapter).getFirst()).isNotEmpty();

      // Not merged at all.
      Files.copy(
          BASE.resolve("model.safetensors"),
          out.resolve("merged/model.safetensors"),
          StandardCopyOption.REPLACE_EXISTING);
      assertThat(violations(base, adapter).get(1))
          .anyMatch(violation -> violation.contains("takes back most of what was learned"));
    }
  }

  /** As a full fine-tuning leaves it; beside the run lies what is nobody's. */
  @Test
  void aWholeModelIsExportedWithoutAnAdapter() throws IOException {
    Path run = temp.resolve("my-run");
    Path model = Files.createDirectories(run.resolve("model"));
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.copy(BASE.resolve(file), model.resolve(file));
    }
    Files.writeString(model.resolve(".graft-result"), "");
    Files.writeString(
        run.resolve("config.yaml"),
        "base: org/base\nmethod: full\ndata:\n  train: gone.jsonl\noutput: my-run\n");
    ExportSource source = ExportSource.of(run, Optional.empty());
    assertThat(source.name()).isEqualTo("my-run");
    assertThat(source.base()).isEqualTo(model.toString());

    Export.run(
        source,
        EnumSet.of(ExportTarget.MERGED, ExportTarget.GGUF_MERGED),
        List.of(GgmlType.BF16, GgmlType.Q8_0),
        out,
        Console.silent());

    JsonNode certificate = certificate();
    assertThat(certificate.path("verdict").asString()).isEqualTo("passed");
    assertThat(certificate.has("adapter")).isFalse();
    assertThat(certificate.path("artifacts").valueStream().map(a -> a.path("path").asString()))
        .containsExactly("merged", "gguf-merged/model-bf16.gguf", "gguf-merged/model-q8_0.gguf");
    assertThat(certificate.path("artifacts").get(1).path("mean_kl").asDouble())
        .as("bfloat16 as it was")
        .isLessThan(1e-6);
    assertThat(out.resolve("merged/model.safetensors"))
        .hasSameBinaryContentAs(model.resolve("model.safetensors"));
    assertThat(out.resolve("merged/.graft-result")).doesNotExist();
    assertThat(out.resolve("merged/README.md"))
        .content()
        .contains("org/base`, all its weights trained")
        .doesNotContain("LoRA");
    Verification.run(
        out,
        new Verification.Options(Optional.empty(), Optional.empty(), false, Optional.empty()),
        Console.silent());
    assertThatThrownBy(() ->
            Export.run(
                ExportSource.of(model, Optional.empty()),
                EnumSet.of(ExportTarget.MERGED, ExportTarget.OLLAMA),
                List.of(),
                temp.resolve("other"),
                Console.silent()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("--to ollama")
        .hasMessageContaining("gguf-merged");
    assertThatThrownBy(() -> ExportSource.of(run, Optional.of("org/base")))
        .hasMessageContaining("is a whole model");
  }

  private List<List<String>> violations(Checkpoint base, PeftAdapter adapter) throws IOException {
    ExportSource source =
        ExportSource.of(temp.resolve("adapter-0.2"), Optional.of(BASE.toString()));
    Certification certification = new Certification(source, base, Optional.of(adapter), temp);
    GoldenPrompts prompts =
        GoldenPrompts.of(source, BASE, base.config(), Optional.empty(), certification.room());
    List<Artifact> artifacts =
        List.of(
            new Artifact(
                ExportTarget.GGUF, "gguf/adapter.gguf", "f32", Optional.empty(), List.of()),
            new Artifact(ExportTarget.MERGED, "merged", "bf16", Optional.empty(), List.of()));
    return certification.certify(out, artifacts, prompts, _ -> {}).lines().stream()
        .map(Certificate.Line::violations)
        .toList();
  }

  private static ModelConfig withHeadDim(ModelConfig c, int headDim) {
    int factor = c.headDim() / headDim;
    return new ModelConfig(
        c.architecture(),
        c.hiddenSize(),
        c.intermediateSize(),
        c.layers(),
        c.heads() * factor,
        c.kvHeads() * factor,
        headDim,
        c.vocabSize(),
        c.maxPositionEmbeddings(),
        c.rmsNormEps(),
        c.ropeTheta(),
        c.ropeScaling(),
        null,
        c.tieWordEmbeddings(),
        c.dtype(),
        c.bosTokenId(),
        c.eosTokenIds(),
        List.of());
  }

  /** bfloat16 has no room for an update this small: the merged model is the base. */
  @Test
  void anExportThatRoundingUndoesLeavesNothing() throws IOException {
    Path faint = adapter(2e-5f);
    assertThatThrownBy(() -> export(faint, EnumSet.of(ExportTarget.MERGED)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("takes back most of what was learned")
        .hasMessageContaining("nothing was kept");
    assertThat(out).doesNotExist();
    assertThat(out.getParent()).isEmptyDirectory();

    export(faint, EnumSet.of(ExportTarget.PEFT));
    assertThat(certificate().path("verdict").asString()).isEqualTo("passed");
  }

  @Test
  void whatCannotBeExportedIsSaid() throws IOException {
    Path adapter = adapter(0.2f);
    Files.createDirectories(out);
    assertThatThrownBy(() -> export(adapter, EnumSet.of(ExportTarget.PEFT)))
        .hasMessageContaining("exists already");
    Files.delete(out);

    assertThatThrownBy(() -> ExportSource.of(temp, Optional.empty()))
        .hasMessageContaining("neither a run");
    assertThatThrownBy(() -> ExportTarget.parse("onnx")).hasMessageContaining("gguf-merged");

    Path bare = Files.createDirectory(temp.resolve("bare"));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(BASE.resolve(file), bare.resolve(file));
    }
    ExportSource source = ExportSource.of(adapter, Optional.of(bare.toString()));
    assertThatThrownBy(() ->
            Export.run(source, EnumSet.of(ExportTarget.OLLAMA), List.of(), out, Console.silent()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("tokenizer.json");
    assertThat(out).doesNotExist();

    Files.writeString(
        bare.resolve("config.json"),
        Files.readString(BASE.resolve("config.json"))
            .replaceAll("\"num_hidden_layers\"[^,]*", "\"num_hidden_layers\": 1"));
    assertThatThrownBy(() ->
            Export.run(source, EnumSet.of(ExportTarget.PEFT), List.of(), out, Console.silent()))
        .isInstanceOf(ModelIoException.class);
    assertThat(out).doesNotExist();
  }
}
