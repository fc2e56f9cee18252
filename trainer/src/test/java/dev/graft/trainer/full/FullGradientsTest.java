package dev.graft.trainer.full;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.full.WeightLayout.Weight;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The gradient of every weight against central differences of the loss, on a small random Mistral
 * whose shapes are odd on purpose; and all other ways to compute it against that one.
 */
class FullGradientsTest {

  private static final int VOCABULARY = 61;
  private static final int MAX_TOKENS = 96;

  @TempDir Path folder;

  private Path base(boolean tied) {
    return RandomCheckpoint.mistral()
        .hiddenSize(28)
        .intermediateSize(36)
        .layers(2)
        .heads(6)
        .kvHeads(2)
        .headDim(10)
        .vocabSize(VOCABULARY)
        .slidingWindow(5)
        .tied(tied)
        .dtype(DType.F32)
        .seed(11)
        .write(folder.resolve("base"));
  }

  /** Weights with a batch and the memory for it. */
  private record Subject(FullWeights weights, TrainingPass pass) {

    static Subject of(Kernels kernels, Checkpoint checkpoint, Recompute recompute) {
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      TrainingPass pass =
          weights.model().trainingPass(MAX_TOKENS, StackedRanks.NONE, false, recompute);
      return new Subject(weights, pass);
    }

    float[] gradient(TokenBatch... batches) {
      weights.clearGradients();
      for (TokenBatch batch : batches) {
        pass.lossAndGradient(batch, 1f, Dropout.OFF);
      }
      weights.collectGradients();
      return weights.gradients().toFloatVector();
    }

    double lossWith(float[] parameters, TokenBatch batch) {
      HostArrays.memory(weights.parameters()).copyFrom(MemorySegment.ofArray(parameters));
      weights.refresh();
      return pass.loss(batch);
    }
  }

  private static TokenBatch batch(int seed, int... lengths) {
    Random random = new Random(seed);
    List<Sequence> sequences = new ArrayList<>();
    for (int length : lengths) {
      boolean[] target = new boolean[length];
      for (int i = 0; i < length; i++) {
        target[i] = random.nextInt(3) > 0;
      }
      sequences.add(new Sequence(random.ints(length, 0, VOCABULARY).toArray(), target));
    }
    return TokenBatch.of(sequences);
  }

  /**
   * Along one random direction within each weight, half of it the gradient so that the slope is
   * large. The step that is compared with is the one that float32 parameters really took. Losses
   * are read as float32, some 70 of them, each good to 2e-7: a few 1e-6 of differences near 0.03.
   */
  @Test
  void theGradientOfEveryWeightIsTheSlopeOfTheLoss() {
    assertSlopes(false);
  }

  /** Of the embedding only: the other weights' gradients do not know that its two uses add up. */
  @Test
  void soIsThatOfATiedEmbedding() {
    assertSlopes(true);
  }

  private void assertSlopes(boolean tied) {
    TokenBatch batch = batch(23, 13, 1, 7, 22);
    try (Kernels kernels = new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
        Checkpoint checkpoint = Checkpoint.open(base(tied))) {
      Subject subject = Subject.of(kernels, checkpoint, Recompute.NONE);
      float[] gradient = subject.gradient(batch);
      float[] start = subject.weights.parameters().toFloatVector();
      WeightLayout layout = WeightLayout.of(checkpoint.config());
      assertThat(layout.weights()).hasSize(tied ? 20 : 21);
      for (Weight weight :
          tied ? List.of(layout.of(TensorNames.EMBED_TOKENS)) : layout.weights().values()) {
        float[][] ends = {start.clone(), start.clone()};
        move(weight, gradient, ends);
        double expected = 0;
        for (int i = 0; i < start.length; i++) {
          expected += (double) gradient[i] * ((double) ends[1][i] - ends[0][i]);
        }
        double difference = subject.lossWith(ends[1], batch) - subject.lossWith(ends[0], batch);
        assertThat(difference)
            .as(weight.name())
            .isCloseTo(expected, within(3e-4 * Math.abs(expected)));
      }
    }
  }

  private static void move(Weight weight, float[] gradient, float[][] ends) {
    Random random = new Random(weight.name().hashCode());
    int size = (int) weight.size();
    int from = (int) weight.offset();
    double squares = 0;
    for (int i = from; i < from + size; i++) {
      squares += (double) gradient[i] * gradient[i];
    }
    double rms = Math.sqrt(squares / size);
    assertThat(rms).as(weight.name()).isGreaterThan(1e-6);
    double h = 2e-3 / Math.sqrt(2.0 * size);
    for (int i = from; i < from + size; i++) {
      double direction = gradient[i] / rms + random.nextGaussian();
      ends[0][i] -= (float) (h * direction);
      ends[1][i] += (float) (h * direction);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void cpuGivesTheGradientsOfTheReference(boolean tied) {
    TokenBatch batch = batch(5, 31, 1, 40);
    float[] expected;
    try (Kernels kernels = new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
        Checkpoint checkpoint = Checkpoint.open(base(tied))) {
      expected = Subject.of(kernels, checkpoint, Recompute.NONE).gradient(batch);
    }
    assertThat(distance(onCpu(ElementType.F32, batch), expected)).isLessThan(1e-5);
    // Each of some ten roundings to 8 bits on the way adds its share.
    assertThat(distance(onCpu(ElementType.BF16, batch), expected)).isBetween(1e-4, 0.03);
  }

  private float[] onCpu(ElementType act, TokenBatch batch) {
    try (Kernels kernels = new CpuKernels(act, 2);
        Checkpoint checkpoint = Checkpoint.open(folder.resolve("base"))) {
      return Subject.of(kernels, checkpoint, Recompute.NONE).gradient(batch);
    }
  }

  private static double distance(float[] actual, float[] expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / norm);
  }

  /** Products run over more rows than there are targets; what an earlier batch left there. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void anEarlierBatchLeavesNoTrace(ElementType act) {
    TokenBatch large = batch(1, 90);
    TokenBatch small = batch(2, 35, 3);
    base(false);
    try (Kernels kernels = new CpuKernels(act, 2);
        Checkpoint checkpoint = Checkpoint.open(folder.resolve("base"))) {
      float[] fresh = Subject.of(kernels, checkpoint, Recompute.NONE).gradient(small);
      Subject used = Subject.of(kernels, checkpoint, Recompute.NONE);
      used.gradient(large);
      assertThat(used.gradient(small)).isEqualTo(fresh);
    }
  }

  @Test
  void microBatchesAddUp() {
    TokenBatch one = batch(1, 31, 7);
    TokenBatch other = batch(2, 44);
    base(true);
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(folder.resolve("base"))) {
      Subject subject = Subject.of(kernels, checkpoint, Recompute.NONE);
      float[] sum = subject.gradient(one);
      float[] second = subject.gradient(other);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += second[i];
      }
      assertThat(distance(subject.gradient(one, other), sum)).isLessThan(1e-6);
    }
  }

  @Test
  void recomputingLayersChangesNoBit() {
    TokenBatch batch = batch(9, 31, 40);
    base(false);
    try (Kernels kernels = new CpuKernels(ElementType.BF16, 2);
        Checkpoint checkpoint = Checkpoint.open(folder.resolve("base"))) {
      assertThat(Subject.of(kernels, checkpoint, Recompute.LAYERS).gradient(batch))
          .isEqualTo(Subject.of(kernels, checkpoint, Recompute.NONE).gradient(batch));
    }
  }
}
