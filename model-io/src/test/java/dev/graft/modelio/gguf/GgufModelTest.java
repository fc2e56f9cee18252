package dev.graft.modelio.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.RopeScaling;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.merge.MergedWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GgufModelTest {
  private static final GgufTokenizer NO_TEXT = new GgufTokenizer(Map.of(), List.of());

  @TempDir Path temp;

  private RandomCheckpoint random() {
    return RandomCheckpoint.llama()
        .hiddenSize(64)
        .intermediateSize(96)
        .layers(2)
        .heads(4)
        .kvHeads(2)
        .headDim(16)
        .vocabSize(33)
        .dtype(DType.F32);
  }

  private GgufModel written(Checkpoint base, GgmlType type) {
    Path file = temp.resolve("model.gguf");
    new GgufModelWriter(new MergedWeights(base, Optional.empty()), NO_TEXT, "test")
        .write(file, type);
    return GgufModel.open(file, temp);
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F32", "F16", "BF16", "Q8_0"})
  void aModelComesBackFromItsFile(GgmlType type) throws IOException {
    double tolerance =
        switch (type) {
          case F16 -> 5e-4;
          case BF16 -> 4e-3;
          case Q8_0 -> 8e-3;
          default -> 0;
        };
    try (Checkpoint base = Checkpoint.open(random().write(temp.resolve("base")));
        GgufModel model = written(base, type)) {
      assertThat(model.config().layers()).isEqualTo(2);
      assertThat(model.config().kvHeads()).isEqualTo(2);
      assertThat(model.config().headDim()).isEqualTo(16);
      assertThat(model.config().tieWordEmbeddings()).isFalse();
      assertThat(model.config().inverseFrequencies())
          .containsExactly(base.config().inverseFrequencies(), within(1e-9));
      for (String name : TensorNames.shapes(base.config()).keySet()) {
        float[] expected = base.tensor(name).toFloats();
        float[] found = model.tensor(name).toFloats();
        assertThat(model.tensor(name).shape()).isEqualTo(base.tensor(name).shape());
        float largest = 0;
        for (float value : expected) {
          largest = Math.max(largest, Math.abs(value));
        }
        assertThat(found)
            .as(name)
            .containsExactly(
                expected, within((float) (expected.length == 64 ? 0 : tolerance * largest)));
      }
    }
    try (var left = Files.list(temp)) {
      assertThat(left.map(path -> path.getFileName().toString()))
          .as("no temporary file stays")
          .containsExactlyInAnyOrder("base", "model.gguf");
    }
  }

  /**
   * The permutation as llama.cpp's converter defines it: (heads, 2, hd/2) becomes (heads, hd/2, 2).
   */
  @Test
  void rowsOfQueriesAndKeysAreInterleaved() {
    try (Checkpoint base = Checkpoint.open(random().write(temp.resolve("base")));
        GgufModel model = written(base, GgmlType.F32)) {
      GgufFile file = model.file();
      for (Map.Entry<String, String> name :
          Map.of("blk.1.attn_q.weight", "q_proj", "blk.1.attn_k.weight", "k_proj").entrySet()) {
        float[] weight =
            base.tensor("model.layers.1.self_attn." + name.getValue() + ".weight").toFloats();
        int heads = weight.length / 64 / 16;
        for (int head = 0; head < heads; head++) {
          for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 8; i++) {
              float[] row = file.row(file.tensor(name.getKey()), head * 16 + i * 2 + half);
              int from = (head * 16 + half * 8 + i) * 64;
              assertThat(row).isEqualTo(java.util.Arrays.copyOfRange(weight, from, from + 64));
            }
          }
        }
      }
    }
  }

  @Test
  void rotaryScalingBecomesWhatLlamaCppReads() {
    RopeScaling llama3 = new RopeScaling.Llama3(8, 1, 4, 64);
    RandomCheckpoint random = random().ropeScaling(llama3);
    try (Checkpoint base = Checkpoint.open(random.write(temp.resolve("base")));
        GgufModel model = written(base, GgmlType.F32)) {
      assertThat(model.file().tensor("rope_freqs.weight").shape()).containsExactly(8L);
      assertThat(model.config().inverseFrequencies())
          .containsExactly(base.config().inverseFrequencies(), within(1e-7));
      assertThat(model.config().inverseFrequencies()[7])
          .isLessThan(0.2 * new RopeScaling.None().inverseFrequencies(10_000, 16)[7]);
    }
    RandomCheckpoint linear = random().ropeScaling(new RopeScaling.Linear(4));
    try (Checkpoint base = Checkpoint.open(linear.write(temp.resolve("linear")));
        GgufModel model = written(base, GgmlType.F32)) {
      assertThat(model.file().text("llama.rope.scaling.type")).contains("linear");
      assertThat(model.config().inverseFrequencies())
          .containsExactly(base.config().inverseFrequencies(), within(1e-9));
    }
  }

  @Test
  void aSlidingWindowBoundsTheContextAndIsSaid() {
    RandomCheckpoint mistral =
        RandomCheckpoint.mistral().hiddenSize(32).headDim(8).layers(1).slidingWindow(24);
    try (Checkpoint base = Checkpoint.open(mistral.write(temp.resolve("base")))) {
      GgufModelWriter writer =
          new GgufModelWriter(new MergedWeights(base, Optional.empty()), NO_TEXT, "m");
      writer.write(temp.resolve("m.gguf"), GgmlType.F16);
      assertThat(writer.notes()).anyMatch(note -> note.contains("sliding window"));
      try (GgufModel model = GgufModel.open(temp.resolve("m.gguf"), temp)) {
        assertThat(model.config().maxPositionEmbeddings()).isEqualTo(24);
      }
    }
  }

  @Test
  void rowsThatAreNotWholeBlocksStayF16() {
    RandomCheckpoint odd = random().intermediateSize(44);
    try (Checkpoint base = Checkpoint.open(odd.write(temp.resolve("base")));
        GgufModel model = written(base, GgmlType.Q8_0)) {
      assertThat(model.file().tensor("blk.0.ffn_down.weight").type()).isEqualTo(GgmlType.F16);
      assertThat(model.file().tensor("blk.0.ffn_up.weight").type()).isEqualTo(GgmlType.Q8_0);
      assertThat(model.file().tensor("blk.0.ffn_norm.weight").type()).isEqualTo(GgmlType.F32);
    }
  }

  @Test
  void anAdapterIsNoModel() {
    Path file = temp.resolve("a.gguf");
    new GgufWriter()
        .put("general.type", GgufValue.of("adapter"))
        .put("general.architecture", GgufValue.of("llama"))
        .write(file);
    assertThatThrownBy(() -> GgufModel.open(file, temp))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("adapter");
  }
}
