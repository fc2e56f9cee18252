package dev.graft.modelio.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MergedCheckpointTest {
  private static final int RANK = 3;
  private static final double ALPHA = 5;

  @TempDir Path temp;

  private Path base(DType dtype) {
    return RandomCheckpoint.llama()
        .hiddenSize(20)
        .headDim(10)
        .intermediateSize(31)
        .vocabSize(17)
        .layers(2)
        .maxShardBytes(6000)
        .dtype(dtype)
        .write(temp.resolve("base-" + dtype));
  }

  private static PeftAdapter adapter(Checkpoint base) {
    List<Projection> targets = List.of(Projection.K_PROJ, Projection.DOWN_PROJ);
    Random random = new Random(5);
    List<LoraWeights> weights = new ArrayList<>();
    for (Projection projection : targets) {
      float[] a = new float[RANK * projection.inFeatures(base.config())];
      float[] b = new float[RANK * projection.outFeatures(base.config())];
      for (int i = 0; i < a.length; i++) {
        a[i] = (float) random.nextGaussian() * 0.1f;
      }
      for (int i = 0; i < b.length; i++) {
        b[i] = (float) random.nextGaussian() * 0.1f;
      }
      weights.add(new LoraWeights(1, projection, RANK, a, b));
    }
    return new PeftAdapter(PeftConfig.of(RANK, ALPHA, 0, targets, false, "base"), weights);
  }

  /** The definition in double, rounded once; a float32 sum may land on the other side of a tie. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void mergedWeightsAreBasePlusUpdateRoundedOnce(DType dtype) throws IOException {
    Path folder = Files.createDirectory(temp.resolve("merged"));
    try (Checkpoint base = Checkpoint.open(base(dtype))) {
      PeftAdapter adapter = adapter(base);
      MergedCheckpoint.Written written = MergedCheckpoint.writeInto(folder, base, adapter);
      double worst = 0;
      double relative = 0;
      try (Checkpoint merged = Checkpoint.open(folder)) {
        assertThat(merged.files().stream().map(Path::getFileName))
            .as("the same shards")
            .isEqualTo(base.files().stream().map(Path::getFileName).toList())
            .hasSizeGreaterThan(1);
        for (String name : TensorNames.shapes(base.config()).keySet()) {
          assertThat(merged.tensor(name).dtype()).isEqualTo(dtype);
          LoraWeights lora = loraOf(adapter, name);
          if (lora == null) {
            assertThat(merged.tensor(name).data().mismatch(base.tensor(name).data())).isEqualTo(-1);
            continue;
          }
          float[] before = base.tensor(name).toFloats();
          float[] after = merged.tensor(name).toFloats();
          for (int i = 0; i < before.length; i++) {
            double exact = before[i] + update(lora, i);
            double error = Math.abs(after[i] - exact);
            worst = Math.max(worst, error);
            relative = Math.max(relative, error / Math.abs(exact));
            assertThat(error).isLessThanOrEqualTo(unit(dtype) * Math.abs(exact) + 1e-7);
          }
        }
      }
      Rounding rounding = written.rounding();
      if (dtype == DType.F32) {
        assertThat(rounding.maxAbsolute()).as("stored in float32, nothing is rounded").isZero();
        assertThat(rounding.worstTensor()).isEmpty();
      } else {
        assertThat(rounding.maxAbsolute())
            .isCloseTo(worst, org.assertj.core.data.Percentage.withPercentage(1));
        assertThat(rounding.maxRelative()).isBetween(0.9 * relative, 1.1 * relative);
        assertThat(rounding.worstTensor()).contains("layers.1.");
        assertThat(rounding.relativeToUpdate()).isBetween(1e-5, 0.1);
      }
    }
  }

  /** DoRA: m ⊙ (W + s BA) / ‖W + s BA‖, in double. A row of zeros stays one. */
  @Test
  void magnitudesAreTheLengthsOfMergedRows() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("merged"));
    try (Checkpoint base = Checkpoint.open(base(DType.F32))) {
      PeftAdapter plain = adapter(base);
      Random random = new Random(6);
      List<LoraWeights> weights = new ArrayList<>();
      for (LoraWeights lora : plain.weights()) {
        float[] magnitude = new float[lora.outFeatures()];
        for (int i = 0; i < magnitude.length; i++) {
          magnitude[i] = random.nextFloat(0.5f, 2);
        }
        weights.add(new LoraWeights(1, lora.projection(), RANK, lora.a(), lora.b(), magnitude));
      }
      PeftConfig c = plain.config();
      PeftConfig config =
          new PeftConfig(
              RANK, ALPHA, 0, c.targetModules(), false, "base", Map.of(), Map.of(), null, true);
      PeftAdapter dora = new PeftAdapter(config, weights);
      MergedCheckpoint.writeInto(folder, base, dora);
      try (Checkpoint merged = Checkpoint.open(folder)) {
        for (LoraWeights lora : weights) {
          String name = lora.projection().path(1) + ".weight";
          float[] before = base.tensor(name).toFloats();
          float[] after = merged.tensor(name).toFloats();
          int in = lora.inFeatures();
          for (int row = 0; row < lora.outFeatures(); row++) {
            double squares = 0;
            for (int i = row * in; i < (row + 1) * in; i++) {
              squares += Math.pow(before[i] + update(lora, i), 2);
            }
            double gain = lora.magnitude()[row] / Math.sqrt(squares);
            for (int i = row * in; i < (row + 1) * in; i++) {
              double exact = gain * (before[i] + update(lora, i));
              assertThat((double) after[i]).isCloseTo(exact, within(1e-6));
            }
          }
        }
      }
      assertThatThrownBy(
              () -> GgufLora.write(folder.resolve("adapter.gguf"), dora, base.config(), "dora"))
          .hasMessageContaining("no place for DoRA's magnitudes");
    }
  }

  private static @Nullable LoraWeights loraOf(PeftAdapter adapter, String tensor) {
    return adapter.weights().stream()
        .filter(lora -> tensor.equals(lora.projection().path(lora.layer()) + ".weight"))
        .findFirst()
        .orElse(null);
  }

  private static double update(LoraWeights lora, int element) {
    int row = element / lora.inFeatures();
    int column = element % lora.inFeatures();
    double sum = 0;
    for (int r = 0; r < lora.rank(); r++) {
      sum += (double) lora.b()[row * lora.rank() + r] * lora.a()[r * lora.inFeatures() + column];
    }
    return ALPHA / RANK * sum;
  }

  /** Half a unit in the last place, relative. */
  private static double unit(DType dtype) {
    return switch (dtype) {
      case F16 -> 0x1p-11;
      case BF16 -> 0x1p-8;
      default -> 0;
    };
  }

  @Test
  void everythingElseIsCarriedOverButOtherWeights() throws IOException {
    Path from = base(DType.BF16);
    Files.writeString(from.resolve("tokenizer.json"), "{}");
    Files.writeString(from.resolve("LICENSE"), "free");
    Files.writeString(from.resolve("pytorch_model.bin"), "old");
    Files.writeString(from.resolve(".cache"), "x");
    Files.createDirectory(from.resolve("original"));
    Path folder = Files.createDirectory(temp.resolve("merged"));
    try (Checkpoint base = Checkpoint.open(from)) {
      MergedCheckpoint.Written written = MergedCheckpoint.writeInto(folder, base, adapter(base));

      assertThat(written.leftOut()).containsExactly("original", "pytorch_model.bin");
      assertThat(folder.resolve("LICENSE")).content().isEqualTo("free");
      assertThat(folder.resolve("model.safetensors.index.json"))
          .hasSameBinaryContentAs(from.resolve("model.safetensors.index.json"));
      assertThat(folder.resolve("config.json")).hasSameBinaryContentAs(from.resolve("config.json"));
      assertThat(folder.resolve("tokenizer.json")).exists();
      assertThat(folder.resolve("pytorch_model.bin")).doesNotExist();
      assertThat(folder.resolve(".cache")).doesNotExist();
    }
  }

  @Test
  void anUpdateThatRoundingSwallowsIsSeen() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("merged"));
    try (Checkpoint base = Checkpoint.open(base(DType.BF16))) {
      PeftAdapter whole = adapter(base);
      List<LoraWeights> faint =
          whole.weights().stream()
              .map(lora -> {
                float[] b = lora.b().clone();
                for (int i = 0; i < b.length; i++) {
                  b[i] *= 1e-4f;
                }
                return new LoraWeights(lora.layer(), lora.projection(), RANK, lora.a(), b);
              })
              .toList();
      Rounding rounding =
          MergedCheckpoint.writeInto(folder, base, new PeftAdapter(whole.config(), faint))
              .rounding();
      assertThat(rounding.relativeToUpdate()).isGreaterThan(0.9);
    }
  }
}
