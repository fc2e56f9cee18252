package dev.graft.modelio.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufLoraTest {
  private static final ModelConfig MODEL =
      RandomCheckpoint.llama().hiddenSize(24).headDim(6).heads(4).kvHeads(2).layers(2).config();

  @TempDir Path temp;

  private static PeftAdapter adapter(PeftConfig config) {
    Random random = new Random(3);
    List<LoraWeights> weights = new ArrayList<>();
    for (int layer = 0; layer < 2; layer++) {
      for (Projection projection : Projection.values()) {
        int rank = config.rank(layer, projection);
        float[] a = new float[rank * projection.inFeatures(MODEL)];
        float[] b = new float[rank * projection.outFeatures(MODEL)];
        for (float[] matrix : List.of(a, b)) {
          for (int i = 0; i < matrix.length; i++) {
            matrix[i] = (float) random.nextGaussian();
          }
        }
        weights.add(new LoraWeights(layer, projection, rank, a, b));
      }
    }
    return new PeftAdapter(config, weights);
  }

  private static PeftConfig config(boolean rslora) {
    return new PeftConfig(
        3,
        5,
        0,
        TargetModules.of(List.of(Projection.values())),
        rslora,
        "base",
        Map.of("layers.1.self_attn.q_proj", 7),
        Map.of("k_proj", 2.0),
        null);
  }

  /** scale · B · A of one module, row-major, in double. */
  private static double[] update(PeftAdapter adapter, LoraWeights lora) {
    double scale = adapter.config().scale(lora.layer(), lora.projection());
    int in = lora.inFeatures();
    double[] update = new double[lora.outFeatures() * in];
    for (int o = 0; o < lora.outFeatures(); o++) {
      for (int r = 0; r < lora.rank(); r++) {
        for (int i = 0; i < in; i++) {
          update[o * in + i] += scale * lora.b()[o * lora.rank() + r] * lora.a()[r * in + i];
        }
      }
    }
    return update;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void ranksAlphasAndRsLoraSurvive(boolean rslora) {
    PeftAdapter adapter = adapter(config(rslora));
    Path file = temp.resolve("a.gguf");
    GgufLora.write(file, adapter, MODEL, "test");

    PeftAdapter read = GgufLora.read(file, MODEL);

    assertThat(read.config().rslora()).isFalse();
    assertThat(read.weights()).hasSameSizeAs(adapter.weights());
    for (int i = 0; i < adapter.weights().size(); i++) {
      assertThat(update(read, read.weights().get(i)))
          .as("%s", adapter.weights().get(i).projection())
          .containsExactly(update(adapter, adapter.weights().get(i)), within(2e-5));
    }
  }

  @Test
  void theFileHasLlamaCppsWords() {
    Path file = temp.resolve("a.gguf");
    PeftAdapter adapter = adapter(config(true));
    GgufLora.write(file, adapter, MODEL, "test");
    try (GgufFile gguf = GgufFile.open(file)) {
      assertThat(gguf.text("general.type")).contains("adapter");
      assertThat(gguf.text("adapter.type")).contains("lora");
      assertThat(gguf.text("general.architecture")).contains("llama");
      // rsLoRA: llama.cpp divides by the rank, so alpha · √r gives alpha / √r.
      assertThat(gguf.metadata().get("adapter.lora.alpha"))
          .isEqualTo(GgufValue.of(5 * Math.sqrt(3)));
      assertThat(gguf.tensor("blk.1.attn_q.weight.lora_a").shape()).containsExactly(7L, 24L);
      assertThat(gguf.tensor("blk.1.attn_q.weight.lora_b").shape()).containsExactly(24L, 7L);
      // Of q and k, B alone is reordered; of the others nothing is.
      LoraWeights q = adapter.weights().get(0);
      assertThat(gguf.row(gguf.tensor("blk.0.attn_q.weight.lora_a"), 0))
          .isEqualTo(java.util.Arrays.copyOf(q.a(), 24));
      assertThat(gguf.row(gguf.tensor("blk.0.attn_q.weight.lora_b"), 1))
          .isEqualTo(java.util.Arrays.copyOfRange(q.b(), 3 * 3, 4 * 3));
      LoraWeights v = adapter.weights().get(2);
      assertThat(gguf.row(gguf.tensor("blk.0.attn_v.weight.lora_b"), 1))
          .isEqualTo(java.util.Arrays.copyOfRange(v.b(), 3, 6));
    }
  }

  @Test
  void anAdapterOfAnotherModelIsRefused() {
    Path file = temp.resolve("a.gguf");
    GgufLora.write(file, adapter(config(false)), MODEL, "test");
    ModelConfig other = RandomCheckpoint.llama().hiddenSize(32).headDim(8).layers(2).config();
    assertThatThrownBy(() -> GgufLora.read(file, other))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("not an adapter of this model");
    ModelConfig shallow =
        RandomCheckpoint.llama().hiddenSize(24).headDim(6).heads(4).kvHeads(2).layers(1).config();
    assertThatThrownBy(() -> GgufLora.read(file, shallow))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("blk.1.");
  }
}
