package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.VocabularyLora;
import dev.graft.trainer.config.ConfigException;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.export.Export;
import dev.graft.trainer.export.ExportSource;
import dev.graft.trainer.export.ExportTarget;
import dev.graft.trainer.runs.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole runs with other adapters than the plain one, from the configuration to an export. */
class LoraVariantsRunTest {

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
  }

  private PeftAdapter read(Path adapter) {
    return PeftAdapter.read(adapter, ModelConfig.read(small.base().resolve("config.json")));
  }

  private static JsonNode json(Path file) throws IOException {
    return JsonMapper.shared().readTree(Files.readString(file));
  }

  private Path export(Path adapter, ExportTarget... targets) {
    Path out = folder.resolve("export");
    Export.run(
        ExportSource.of(adapter, Optional.of(small.base().toString())),
        EnumSet.copyOf(List.of(targets)),
        List.of(),
        out,
        Console.silent());
    return out;
  }

  @Test
  void patternsAndLayersGoFromTheConfigurationToTheExport() throws IOException {
    String[] settings = {
      "lora.targets=.*layers\\.1\\..*_proj|.*layers\\.0\\.mlp\\.down_proj",
      "lora.rank-pattern={k_proj: 1, \"1.*(o|up)_proj\": 7}",
      "lora.alpha-pattern={down_proj: 3.5}"
    };
    RunResult result = SmallRun.run(small.config("run", settings));
    assertThat(result.finalLoss().orElseThrow()).isLessThan(result.baseLoss().orElseThrow());

    JsonNode config = json(result.result().resolve("adapter_config.json"));
    assertThat(config.path("target_modules").asString()).contains(".*layers\\.1\\..*_proj|");
    assertThat(config.path("rank_pattern").propertyNames())
        .containsExactly("k_proj", "1.*(o|up)_proj");
    assertThat(config.path("alpha_pattern").path("down_proj").asDouble()).isEqualTo(3.5);
    PeftAdapter adapter = read(result.result());
    assertThat(adapter.weights()).hasSize(8);
    for (LoraWeights weights : adapter.weights()) {
      assertThat(weights.rank())
          .isEqualTo(
              switch (weights.projection()) {
                case K_PROJ -> 1;
                case O_PROJ, UP_PROJ -> 7;
                case Q_PROJ, V_PROJ, GATE_PROJ, DOWN_PROJ -> 4;
              });
    }

    JsonNode exported =
        json(
            export(result.result(), ExportTarget.PEFT, ExportTarget.GGUF)
                .resolve("peft/adapter_config.json"));
    assertThat(exported.path("rank_pattern")).as("worked into the matrices").isEmpty();
    assertThat(exported.path("target_modules").valueStream().map(JsonNode::asString))
        .as("the names that say the same")
        .hasSize(8)
        .contains("model.layers.0.mlp.down_proj", "model.layers.1.self_attn.q_proj");
  }

  /** Trained, broken off and resumed bit for bit, exported, and refused where it does not fit. */
  @Test
  void aDoraRunFromTheConfigurationToTheExport() throws IOException {
    String[] settings = {
      "lora.dora=true", "lora.dropout=0.1", "lora.targets=q_proj,o_proj,up_proj"
    };
    RunResult whole = SmallRun.run(small.config("whole", settings));
    assertThat(whole.finalLoss().orElseThrow()).isLessThan(0.9 * whole.baseLoss().orElseThrow());
    PeftAdapter adapter = read(whole.result());
    assertThat(adapter.config().dora()).isTrue();
    assertMagnitudesWereLearned(adapter);

    String[] shorter = Arrays.copyOf(settings, settings.length + 1);
    shorter[settings.length] = "training.max-steps=5";
    String[] constant = {"training.schedule=constant"};
    SmallRun.run(small.config("long", concat(settings, constant)));
    SmallRun.run(small.config("parts", concat(shorter, constant)));
    LoraFinetuning.run(
        small.config("parts", concat(settings, constant)),
        RunStart.RESUME,
        Console.silent(),
        new StopSignal());
    assertThat(small.output("parts").resolve("adapter/adapter_model.safetensors"))
        .hasSameBinaryContentAs(small.output("long").resolve("adapter/adapter_model.safetensors"));

    Path out = export(whole.result(), ExportTarget.PEFT, ExportTarget.MERGED);
    assertThat(json(out.resolve("parity.json")).path("verdict").asString()).isEqualTo("passed");
    assertThat(read(out.resolve("peft")).weights())
        .usingRecursiveFieldByFieldElementComparator()
        .isEqualTo(adapter.weights());
    for (ExportTarget target : List.of(ExportTarget.GGUF, ExportTarget.OLLAMA)) {
      assertThatThrownBy(() ->
              Export.run(
                  ExportSource.of(whole.result(), Optional.of(small.base().toString())),
                  EnumSet.of(target),
                  List.of(),
                  folder.resolve("refused"),
                  Console.silent()))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("--to merged,gguf-merged");
    }
    assertThat(folder.resolve("refused")).doesNotExist();

    RunConfig next = small.config("next", "lora.init-from=" + whole.result(), "lora.rank=4");
    assertThat(next.lora().dora()).isTrue();
  }

  /** What leaves the run is a plain adapter of twice the rank; the run itself goes on exactly. */
  @Test
  void aPissaRunFromTheConfigurationToTheExport() throws IOException {
    String[] settings = {
      "lora.init=pissa", "lora.rank=3", "lora.alpha=6", "training.schedule=constant"
    };
    RunResult whole = SmallRun.run(small.config("whole", settings));
    assertThat(whole.finalLoss().orElseThrow()).isLessThan(0.9 * whole.baseLoss().orElseThrow());
    PeftAdapter adapter = read(whole.result());
    assertThat(adapter.config().rank()).isEqualTo(6);
    assertThat(adapter.config().alpha()).isEqualTo(12);
    JsonNode config = json(whole.result().resolve("adapter_config.json"));
    assertThat(config.path("init_lora_weights").booleanValue())
        .as("the base is as it was")
        .isTrue();

    SmallRun.run(small.config("parts", concat(settings, new String[] {"training.max-steps=5"})));
    LoraFinetuning.run(
        small.config("parts", settings), RunStart.RESUME, Console.silent(), new StopSignal());
    for (String file :
        List.of(
            "adapter/adapter_model.safetensors", "checkpoints/step-000012/trainer.safetensors")) {
      assertThat(small.output("parts").resolve(file))
          .hasSameBinaryContentAs(small.output("whole").resolve(file));
    }

    Path out = export(whole.result(), ExportTarget.PEFT, ExportTarget.GGUF, ExportTarget.MERGED);
    assertThat(json(out.resolve("parity.json")).path("verdict").asString()).isEqualTo("passed");
    String initFrom = "lora.init-from=" + whole.result();
    assertThatThrownBy(() -> small.config("next", initFrom, "lora.rank=null", settings[0]))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("lora.init: pissa is a beginning");
  }

  /** Adapters of the embedding and the output projection, at ranks and scales of their own. */
  @Test
  void embeddingAndOutputProjectionFromTheConfigurationToTheExport() throws IOException {
    RunResult result =
        SmallRun.run(
            small.config(
                "run",
                "lora.targets=embed_tokens,v_proj,lm_head",
                "lora.rank-pattern={lm_head: 6}",
                "lora.alpha-pattern={embed_tokens: 2.5}"));
    assertThat(result.finalLoss().orElseThrow()).isLessThan(0.9 * result.baseLoss().orElseThrow());
    PeftAdapter adapter = read(result.result());
    assertThat(adapter.vocabulary()).extracting(VocabularyLora::rank).containsExactly(4, 6);

    Path out = export(result.result(), ExportTarget.PEFT, ExportTarget.GGUF, ExportTarget.MERGED);
    assertThat(json(out.resolve("parity.json")).path("verdict").asString()).isEqualTo("passed");
    assertThat(read(out.resolve("peft")).vocabulary())
        .as("filled up to one rank")
        .extracting(VocabularyLora::rank)
        .containsExactly(6, 6);

    RunConfig next =
        small.config(
            "next", "lora.init-from=" + result.result(), "lora.rank=4", "training.max-steps=1");
    assertThat(read(SmallRun.run(next).result()).vocabulary()).hasSize(2);
  }

  private static String[] concat(String[] one, String[] other) {
    return Stream.of(one, other).flatMap(Arrays::stream).toArray(String[]::new);
  }

  /** At the beginning they are the lengths of the base's rows. */
  private void assertMagnitudesWereLearned(PeftAdapter adapter) {
    try (Checkpoint base = Checkpoint.open(small.base())) {
      for (LoraWeights lora : adapter.weights()) {
        float[] w = base.tensor(lora.projection().path(lora.layer()) + ".weight").toFloats();
        double moved = 0;
        for (int row = 0; row < lora.outFeatures(); row++) {
          double squares = 0;
          for (int i = row * lora.inFeatures(); i < (row + 1) * lora.inFeatures(); i++) {
            squares += (double) w[i] * w[i];
          }
          moved = Math.max(moved, Math.abs(lora.magnitude()[row] / Math.sqrt(squares) - 1));
        }
        assertThat(moved).isBetween(1e-3, 2.0);
      }
    }
  }

  @Test
  void aRunGoesOnWithTheAdapterItStartsFrom() throws IOException {
    String[] settings = {
      "lora.targets=v_proj,down_proj", "lora.layers=1", "lora.rank-pattern={v_proj: 3}"
    };
    Path first = SmallRun.run(small.config("first", settings)).result();
    RunConfig second =
        small.config("second", "lora.rank=null", "lora.init-from=" + first, "training.max-steps=2");
    assertThat(second.lora().rankPattern()).isEqualTo(Map.of("v_proj", 3));
    PeftAdapter before = read(first);
    PeftAdapter after = read(SmallRun.run(second).result());
    assertThat(after.config()).isEqualTo(before.config());
    assertThat(after.weights())
        .extracting(LoraWeights::projection)
        .containsExactly(Projection.V_PROJ, Projection.DOWN_PROJ);
    assertThatThrownBy(() ->
            small.config("third", "lora.init-from=" + first, "lora.layers=0-1", "lora.rank=4"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("lora.layers: is a list, but the adapter to start from has");
  }
}
