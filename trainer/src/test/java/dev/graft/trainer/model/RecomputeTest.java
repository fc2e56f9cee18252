package dev.graft.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Recomputing a layer costs time and nothing else. */
class RecomputeTest {

  private static final int VOCABULARY = 61;

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() {
    base =
        RandomCheckpoint.mistral()
            .hiddenSize(28)
            .intermediateSize(36)
            .layers(4)
            .heads(6)
            .kvHeads(2)
            .headDim(10)
            .vocabSize(VOCABULARY)
            .slidingWindow(5)
            .dtype(DType.BF16)
            .write(folder.resolve("base"));
  }

  /** What a training pass left: the losses and the bits of all gradients. */
  private record Left(List<Double> losses, float[] gradients, PassMemory memory) {}

  private Left train(ElementType act, Recompute recompute, Set<Projection> targets, float rate) {
    try (Kernels kernels = new CpuKernels(act, 2);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      PeftConfig peft = PeftConfig.of(3, 6, rate, List.copyOf(targets), false, "base");
      LoraAdapter adapter = LoraAdapter.initialized(peft, model, 3);
      Random random = new Random(29);
      for (long i = 0; i < adapter.size(); i++) {
        adapter.parameters().putScalar(i, 0.2 * random.nextGaussian());
      }
      adapter.refresh();
      TrainingPass pass = model.trainingPass(64, adapter.ranks(), rate > 0, recompute);
      adapter.clearGradients();
      List<Double> losses = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        TokenBatch batch = TokenBatch.of(List.of(sequence(31, i), sequence(7 + i, 9)));
        losses.add(pass.lossAndGradient(batch, 0.1f, new Dropout(rate, 5, i)));
      }
      adapter.collectGradients();
      float[] gradients = HostArrays.memory(adapter.gradients()).toArray(ValueLayout.JAVA_FLOAT);
      return new Left(losses, gradients, pass.memory());
    }
  }

  private static Sequence sequence(int length, long seed) {
    Random random = new Random(seed);
    boolean[] target = new boolean[length];
    for (int i = 0; i < length; i++) {
      target[i] = random.nextBoolean();
    }
    return new Sequence(random.ints(length, 0, VOCABULARY).toArray(), target);
  }

  private void assertSameBits(ElementType act, Set<Projection> targets, float rate) {
    Left kept = train(act, Recompute.NONE, targets, rate);
    Left recomputed = train(act, Recompute.LAYERS, targets, rate);
    assertThat(recomputed.losses).isEqualTo(kept.losses);
    assertThat(recomputed.gradients).isEqualTo(kept.gradients);
    assertThat(kept.gradients).isNotEqualTo(new float[kept.gradients.length]);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void gradientsAreTheSameBits(ElementType act) {
    assertSameBits(act, EnumSet.allOf(Projection.class), 0);
  }

  @Test
  void soAreTheyUnderDropout() {
    assertSameBits(ElementType.F32, EnumSet.allOf(Projection.class), 0.3f);
  }

  @Test
  void soAreTheyWithSomeTargets() {
    assertSameBits(ElementType.F32, EnumSet.of(Projection.V_PROJ), 0);
    assertSameBits(ElementType.F32, EnumSet.of(Projection.UP_PROJ, Projection.O_PROJ), 0);
  }

  @Test
  void layersShareAllButTheirInputs() {
    long kept =
        train(ElementType.F32, Recompute.NONE, EnumSet.allOf(Projection.class), 0)
            .memory
            .activations();
    long shared =
        train(ElementType.F32, Recompute.LAYERS, EnumSet.allOf(Projection.class), 0)
            .memory
            .activations();
    // 64 tokens in float32: the residual stream's 28, in 4 layers and behind the last.
    long inputs = 5 * 64 * 28 * 4;
    assertThat(4 * (shared - inputs)).isEqualTo(kept - inputs);
  }
}
