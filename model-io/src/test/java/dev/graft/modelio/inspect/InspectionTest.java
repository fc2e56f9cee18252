package dev.graft.modelio.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectionTest {
  @TempDir Path temp;

  @Test
  void aCheckpointInShards() {
    Path folder =
        RandomCheckpoint.llama()
            .hiddenSize(8)
            .headDim(4)
            .layers(2)
            .vocabSize(11)
            .dtype(DType.BF16)
            .maxShardBytes(1500)
            .write(temp.resolve("model"));

    Inspection inspection = Inspection.of(folder);

    assertThat(inspection.kind()).isEqualTo("checkpoint");
    assertThat(inspection.files()).hasSizeGreaterThan(1);
    assertThat(inspection.metadata()).containsEntry("hidden_size", "8");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(inspection.parameters()).isEqualTo(checkpoint.parameters());
    }
    assertThat(inspection.bytes()).isEqualTo(2 * inspection.parameters());
    assertThat(inspection.parametersByType()).containsOnlyKeys("BF16");
  }

  @Test
  void anAdapterAsPeftAndAsGguf() {
    var model = RandomCheckpoint.llama().hiddenSize(8).headDim(4).layers(1).config();
    int out = Projection.Q_PROJ.outFeatures(model);
    var lora = new LoraWeights(0, Projection.Q_PROJ, 2, new float[16], new float[2 * out]);
    PeftConfig config = PeftConfig.of(2, 4, 0, List.of(Projection.Q_PROJ), false, "base");
    var adapter = new PeftAdapter(config, List.of(lora));
    adapter.write(temp.resolve("adapter"), false);
    GgufLora.write(temp.resolve("adapter.gguf"), adapter, model, "a\u0007b");

    assertThat(Inspection.of(temp.resolve("adapter")).kind()).isEqualTo("adapter");
    assertThat(Inspection.of(temp.resolve("adapter")).metadata()).containsEntry("r", "2");
    Inspection gguf = Inspection.of(temp.resolve("adapter.gguf"));
    assertThat(gguf.kind()).isEqualTo("gguf adapter");
    assertThat(gguf.metadata())
        .containsEntry("adapter.lora.alpha", "4.0")
        .as("control characters do not steer the terminal")
        .containsEntry("general.name", "a\uFFFDb");
    assertThat(gguf.parameters()).isEqualTo(16 + 2L * out);
  }

  @Test
  void whatHoldsNoWeightsIsSaid() throws IOException {
    assertThatThrownBy(() -> Inspection.of(temp.resolve("nothing")))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("does not exist");
    assertThatThrownBy(() -> Inspection.of(temp))
        .hasMessageContaining("neither a checkpoint")
        .hasMessageContaining("nor an adapter");
    Path text = Files.writeString(temp.resolve("x.txt"), "x");
    assertThatThrownBy(() -> Inspection.of(text)).hasMessageContaining("neither a .safetensors");
  }
}
