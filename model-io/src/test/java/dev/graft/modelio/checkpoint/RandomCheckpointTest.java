package dev.graft.modelio.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.RopeScaling;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.TensorView;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomCheckpointTest {
  @TempDir Path temp;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void isReadBackAsItWasAskedFor(DType dtype) {
    RandomCheckpoint random =
        RandomCheckpoint.mistral()
            .hiddenSize(60)
            .intermediateSize(91)
            .layers(3)
            .heads(6)
            .kvHeads(3)
            .headDim(14)
            .vocabSize(101)
            .slidingWindow(7)
            .ropeTheta(1e6)
            .dtype(dtype);
    try (Checkpoint checkpoint = Checkpoint.open(random.write(temp.resolve("model")))) {
      assertThat(checkpoint.config()).isEqualTo(random.config());
      assertThat(checkpoint.dtype()).isEqualTo(dtype);
      assertThat(checkpoint.notes()).isEmpty();
      TensorView query = checkpoint.tensor(TensorNames.layer(2).qProj());
      assertThat(query.shape()).containsExactly(84L, 60L);
      assertThat(query.isAligned()).isTrue();
      assertThat(checkpoint.tensor(TensorNames.layer(0).kProj()).shape()).containsExactly(42L, 60L);
      assertThat(checkpoint.tensor(TensorNames.layer(0).oProj()).shape()).containsExactly(60L, 84L);
      assertThat(checkpoint.lmHead().name()).isEqualTo("lm_head.weight");
    }
  }

  @Test
  void weightsAreTheSameHoweverTheyAreSharded() {
    RandomCheckpoint random =
        RandomCheckpoint.llama()
            .tied(true)
            .dtype(DType.BF16)
            .ropeScaling(new RopeScaling.Llama3(8, 1, 4, 64));
    Path whole = random.write(temp.resolve("whole"));
    Path sharded = random.maxShardBytes(5000).write(temp.resolve("sharded"));
    try (Checkpoint a = Checkpoint.open(whole);
        Checkpoint b = Checkpoint.open(sharded)) {
      assertThat(a.files()).hasSize(1);
      assertThat(b.files()).hasSizeGreaterThan(3);
      assertThat(b.notes()).isEmpty();
      assertThat(a.config()).isEqualTo(b.config());
      for (String name : TensorNames.shapes(a.config()).keySet()) {
        assertThat(a.tensor(name).data().mismatch(b.tensor(name).data())).as(name).isEqualTo(-1);
      }
      assertThat(a.fingerprint()).isEqualTo(b.fingerprint()).matches("sha256:[0-9a-f]{64}");
    }
  }

  @Test
  void anotherSeedIsAnotherModel() {
    try (Checkpoint a = Checkpoint.open(RandomCheckpoint.llama().write(temp.resolve("a")));
        Checkpoint b = Checkpoint.open(RandomCheckpoint.llama().seed(2).write(temp.resolve("b")))) {
      assertThat(a.fingerprint()).isNotEqualTo(b.fingerprint());
    }
  }

  @Test
  void weightsHaveTheVarianceThatTheDocumentationSays() {
    RandomCheckpoint random = RandomCheckpoint.llama().hiddenSize(64).vocabSize(2000);
    try (Checkpoint checkpoint = Checkpoint.open(random.write(temp.resolve("model")))) {
      float[] embedding = checkpoint.tensor(TensorNames.EMBED_TOKENS).toFloats();
      double sum = 0;
      double squares = 0;
      for (float x : embedding) {
        sum += x;
        squares += (double) x * x;
      }
      // 128,000 values of deviation 1/8: the mean's own deviation is 0.00035.
      assertThat(sum / embedding.length).isBetween(-0.0015, 0.0015);
      assertThat(squares / embedding.length * 64).isBetween(0.98, 1.02);
      ModelConfig config = checkpoint.config();
      assertThat(checkpoint.parameters())
          .isEqualTo(2L * 2000 * 64 + 2L * (2 * 64 * 32 + 2 * 64 * 16 + 3 * 64 * 88 + 128) + 64);
      assertThat(config.headsPerKvHead()).isEqualTo(2);
    }
  }
}
