package dev.graft.trainer.full;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.DType;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ParameterGroup.Kind;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FullWeightsTest {

  @TempDir Path folder;

  private Path base(boolean tied, DType dtype) {
    return RandomCheckpoint.llama().layers(3).tied(tied).dtype(dtype).write(folder.resolve("base"));
  }

  @ParameterizedTest
  @CsvSource({"true, BF16", "false, F16", "false, F32"})
  void whatIsNotChangedIsWrittenAsItWas(boolean tied, DType dtype) throws IOException {
    Path written = Files.createDirectory(folder.resolve("written"));
    try (Kernels kernels = new CpuKernels(ElementType.BF16, 1);
        Checkpoint checkpoint = Checkpoint.open(base(tied, dtype))) {
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      weights.writeResult(written);
      try (Checkpoint same = Checkpoint.open(written)) {
        for (String name : checkpoint.names()) {
          assertThat(same.tensor(name).dtype()).isEqualTo(dtype);
          assertThat(same.tensor(name).data().mismatch(checkpoint.tensor(name).data()))
              .as(name)
              .isEqualTo(-1);
        }
        assertThat(same.fingerprint()).isEqualTo(checkpoint.fingerprint());
      }
      assertThat(written.resolve("config.json"))
          .hasSameBinaryContentAs(checkpoint.folder().resolve("config.json"));
    }
  }

  /** One number of each kind changed, by what a reader of the vector's groups would change. */
  @Test
  void whatIsChangedIsWrittenWhereItBelongs() throws IOException {
    Path written = Files.createDirectory(folder.resolve("written"));
    try (Kernels kernels = new CpuKernels(ElementType.F32, 1);
        Checkpoint checkpoint = Checkpoint.open(base(false, DType.BF16))) {
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      for (ParameterGroup group : weights.groups()) {
        weights.parameters().putScalar(group.from(), 3.0078125); // between two bfloat16 numbers
        weights.parameters().putScalar(group.to() - 1, -5);
      }
      weights.refresh();
      weights.writeResult(written);
      try (Checkpoint changed = Checkpoint.open(written)) {
        assertEnds(changed, TensorNames.layer(0).qProj(), TensorNames.LM_HEAD);
        assertEnds(changed, TensorNames.EMBED_TOKENS, TensorNames.EMBED_TOKENS);
        assertEnds(changed, TensorNames.layer(0).inputLayernorm(), TensorNames.NORM);
      }
    }
  }

  private static void assertEnds(Checkpoint checkpoint, String first, String last) {
    // 3.0078125 lies half way, and is rounded to the even neighbour.
    assertThat(checkpoint.tensor(first).toFloats()[0]).isEqualTo(3);
    float[] numbers = checkpoint.tensor(last).toFloats();
    assertThat(numbers[numbers.length - 1]).isEqualTo(-5);
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void groupsFillTheVector(boolean tied) {
    try (Kernels kernels = new CpuKernels(ElementType.F32, 1);
        Checkpoint checkpoint = Checkpoint.open(base(tied, DType.F32))) {
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      List<ParameterGroup> groups = weights.groups();
      assertThat(groups)
          .extracting(ParameterGroup::kind)
          .containsExactly(Kind.WEIGHT, Kind.EMBEDDING, Kind.NORM);
      assertThat(groups.get(0).from()).isZero();
      assertThat(groups.get(1).from()).isEqualTo(groups.get(0).to());
      assertThat(groups.get(2).from()).isEqualTo(groups.get(1).to());
      assertThat(groups.get(2).to()).isEqualTo(weights.size()).isEqualTo(checkpoint.parameters());
      int hidden = checkpoint.config().hiddenSize();
      assertThat(groups.get(2).length()).isEqualTo((2 * 3 + 1) * (long) hidden);
      assertThat(groups.get(1).length()).isEqualTo((long) checkpoint.config().vocabSize() * hidden);
    }
  }

  @ParameterizedTest
  @CsvSource({"true, F32", "true, BF16", "false, BF16"})
  void theSizeIsWhatIsAllocated(boolean tied, ElementType act) {
    try (Kernels kernels = new CpuKernels(act, 1);
        Checkpoint checkpoint = Checkpoint.open(base(tied, DType.F32))) {
      FullSize size = FullSize.of(checkpoint.config());
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      assertThat(size.parameters()).isEqualTo(weights.size());
      assertThat(size.parameterBytes(act))
          .isEqualTo(Float.BYTES * weights.parameters().length() + kernels.allocatedBytes());
    }
  }
}
