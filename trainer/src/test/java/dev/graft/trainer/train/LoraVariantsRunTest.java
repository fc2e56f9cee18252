package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.trainer.config.ConfigException;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.export.Export;
import dev.graft.trainer.export.ExportSource;
import dev.graft.trainer.export.ExportTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
