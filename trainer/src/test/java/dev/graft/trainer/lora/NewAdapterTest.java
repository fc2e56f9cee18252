package dev.graft.trainer.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.ConfigException;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.LoraConfig;
import dev.graft.trainer.config.UserException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What of the configuration lands on which module, by PEFT's documented rules. */
class NewAdapterTest {

  private static final ModelConfig MODEL =
      ModelConfig.read(
          Path.of(System.getProperty("graft.root", ".."), "configs/quickstart/model/config.json"));

  private static PeftConfig peft(String... overrides) {
    LoraConfig lora =
        ConfigReader.fromText("{base: b, data: {train: t.jsonl}}", "test", List.of(overrides))
            .lora();
    return NewAdapter.config(lora, MODEL, "base");
  }

  /** Layer and module of every adapter: {@code 0 q_proj}. */
  private static List<String> adapted(PeftConfig config) {
    List<String> adapted = new ArrayList<>();
    for (int layer = 0; layer < MODEL.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (config.selects(layer, projection)) {
          adapted.add(layer + " " + projection.moduleName());
        }
      }
    }
    return adapted;
  }

  @Test
  void targetsAreNamesEndsOfPathsOrOneExpression() {
    int layers = MODEL.layers();
    assertThat(layers).isGreaterThanOrEqualTo(2);
    assertThat(adapted(peft())).hasSize(7 * layers);
    assertThat(adapted(peft("lora.targets=v_proj")))
        .hasSize(layers)
        .allMatch(m -> m.endsWith(" v_proj"));
    assertThat(adapted(peft("lora.targets=layers.1.mlp.up_proj,self_attn.k_proj")))
        .hasSize(layers + 1)
        .contains("0 k_proj", "1 k_proj", "1 up_proj");
    // A whole path, not a part of it: the second would be found by a search.
    assertThat(adapted(peft("lora.targets=model\\.layers\\.0\\.mlp\\..*|up_proj|q.*")))
        .containsExactly("0 gate_proj", "0 up_proj", "0 down_proj");
  }

  @Test
  void layersAreCountedFromZero() {
    assertThat(adapted(peft("lora.layers=1", "lora.targets=q_proj,o_proj")))
        .containsExactly("1 q_proj", "1 o_proj");
    assertThat(peft("lora.layers=0-1").layersToTransform()).containsExactly(0, 1);
    assertThat(peft().layersToTransform()).isNull();
    assertThatThrownBy(() -> peft("lora.layers=0-" + MODEL.layers()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("there is no layer " + MODEL.layers());
  }

  @Test
  void patternsMatchTheEndOfAPathAndTheFirstCounts() {
    PeftConfig config =
        peft(
            "lora.rank=4",
            "lora.alpha=6",
            "lora.rank-pattern={\"layers.1.*q_proj\": 2, q_proj: 8, \"[gu].*_proj\": 16}",
            "lora.alpha-pattern={mlp.down_proj: 3, \"model.layers.0.self_attn.[qv]_proj\": 1}");
    assertThat(config.rank(1, Projection.Q_PROJ)).isEqualTo(2);
    assertThat(config.rank(0, Projection.Q_PROJ)).isEqualTo(8);
    assertThat(config.rank(0, Projection.UP_PROJ)).isEqualTo(16);
    assertThat(config.rank(0, Projection.V_PROJ)).isEqualTo(4);
    assertThat(config.scale(0, Projection.DOWN_PROJ)).isEqualTo(3.0 / 4);
    assertThat(config.scale(0, Projection.Q_PROJ)).isEqualTo(1.0 / 8);
    assertThat(config.scale(1, Projection.Q_PROJ)).isEqualTo(6.0 / 2);
  }

  /** They are in no layer, and in all-linear no more than in PEFT's. */
  @Test
  void embeddingAndOutputProjectionHaveToBeNamed() {
    PeftConfig all = peft();
    assertThat(all.selects(VocabularyModule.LM_HEAD)).isFalse();
    assertThat(all.selects(VocabularyModule.EMBED_TOKENS)).isFalse();
    boolean tied = MODEL.tieWordEmbeddings();
    for (String module : List.of("lm_head", "embed_tokens")) {
      String target = "lora.targets=q_proj," + module;
      assertThatThrownBy(() -> peft(target, "lora.layers=0"))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("they are in no layer");
      if (tied) {
        assertThatThrownBy(() -> peft(target))
            .isInstanceOf(UserException.class)
            .hasMessageContaining(module + ": this base ties lm_head to embed_tokens");
      } else {
        assertThat(peft(target).rank(module)).isEqualTo(16);
        assertThatThrownBy(() -> peft(target, "lora.dora=true"))
            .isInstanceOf(UserException.class)
            .hasMessageContaining(module + " goes with plain LoRA only");
      }
    }
  }

  @Test
  void whatIsForNoModuleIsRefused() {
    assertThatThrownBy(() -> peft("lora.rank-pattern={q_prj: 8}"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("lora.rank-pattern: 'q_prj' is for none of the target modules");
    assertThatThrownBy(() -> peft("lora.targets=q_proj", "lora.alpha-pattern={v_proj: 8}"))
        .hasMessageContaining("lora.alpha-pattern: 'v_proj' is for none");
    assertThatThrownBy(() -> peft("lora.targets=.*q_prj"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("lora.targets: .*q_prj is none of this model's modules");
  }
}
