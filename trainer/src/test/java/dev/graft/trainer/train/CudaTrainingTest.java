package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.cuda.TestCuda;
import dev.graft.trainer.lora.AdapterSize;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.DeviceAdamW;
import dev.graft.trainer.optim.HostUpdates;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.optim.ParameterUpdates;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Optimizer steps on a card beside the same steps on the processor. */
@Tag("simulator")
class CudaTrainingTest {

  private static final int VOCABULARY = 61;
  private static final int STEPS = 5;
  private static final OptimizerSettings ADAMW = OptimizerSettings.of(OptimizerKind.ADAMW, 0.1);

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() {
    base =
        RandomCheckpoint.mistral()
            .hiddenSize(40)
            .intermediateSize(72)
            .layers(2)
            .heads(4)
            .kvHeads(2)
            .headDim(32)
            .vocabSize(VOCABULARY)
            .slidingWindow(50)
            .dtype(DType.BF16)
            .write(folder.resolve("base"));
  }

  /**
   * What a run left.
   *
   * @param state the optimizer's, by name
   */
  private record Left(
      List<Double> losses,
      List<Double> norms,
      float[] parameters,
      Map<String, float[]> state,
      long graphLaunches) {}

  /** Micro-batches of two sizes, so that recorded passes take turns. */
  private static StepBatch batch(int step) {
    Random random = new Random(step);
    List<TokenBatch> microBatches = new ArrayList<>();
    for (int length : new int[] {70, 31}) {
      int[] ids = random.ints(length, 0, VOCABULARY).toArray();
      boolean[] target = new boolean[length];
      Arrays.fill(target, 3, length, true);
      TokenBatch.Sequence sequence = new TokenBatch.Sequence(ids, target);
      microBatches.add(TokenBatch.of(List.of(sequence, sequence)));
    }
    return new StepBatch(0, List.of(0, 1), microBatches);
  }

  private Left train(Kernels kernels, float dropout, OptimizerSettings settings) {
    try (kernels;
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      PeftConfig peft = PeftConfig.of(3, 6, dropout, List.of(Projection.values()), false, "base");
      LoraAdapter adapter = LoraAdapter.initialized(peft, model, 3);
      double plusRatio = 4;
      ParameterUpdates updates =
          DeviceAdamW.serves(kernels, adapter, settings)
              ? new DeviceAdamW(kernels, adapter, settings, plusRatio)
              : new HostUpdates(adapter, Optimizer.of(settings, adapter.groups(), plusRatio));
      Trainer trainer =
          new Trainer(
              model.trainingPass(160, adapter.ranks(), dropout > 0),
              adapter,
              updates,
              new LearningRateSchedule(Schedule.CONSTANT, 0.01, 0, STEPS),
              dropout,
              0,
              7,
              0.5);
      List<Double> losses = new ArrayList<>();
      List<Double> norms = new ArrayList<>();
      for (int step = 0; step < STEPS; step++) {
        Trainer.Outcome outcome = trainer.step(step, batch(step));
        losses.add(outcome.loss());
        norms.add(outcome.gradNorm());
      }
      updates.collect();
      Map<String, float[]> state = new TreeMap<>();
      updates.state().forEach((name, array) -> state.put(name, floats(array)));
      return new Left(losses, norms, floats(adapter.parameters()), state, TestCuda.graphLaunches());
    }
  }

  private static float[] floats(INDArray array) {
    return HostArrays.memory(array).toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void stepsAreThoseOfTheProcessor() {
    Left cuda = train(TestCuda.open(ElementType.F32), 0, ADAMW);
    Left cpu = train(new CpuKernels(ElementType.F32, 2), 0, ADAMW);
    assertClose(cuda, cpu);
    assertThat(cuda.graphLaunches).isPositive();
  }

  @Test
  void masksOfDropoutAreThoseOfTheProcessor() {
    Left cuda = train(TestCuda.open(ElementType.F32), 0.3f, ADAMW);
    Left cpu = train(new CpuKernels(ElementType.F32, 2), 0.3f, ADAMW);
    assertClose(cuda, cpu);
  }

  @Test
  void otherOptimizersUpdateOnTheHost() {
    OptimizerSettings lion = OptimizerSettings.of(OptimizerKind.LION, 0.1);
    Left cuda = train(TestCuda.open(ElementType.F32), 0, lion);
    Left cpu = train(new CpuKernels(ElementType.F32, 2), 0, lion);
    assertClose(cuda, cpu);
  }

  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"F32", "BF16"})
  void theSameRunTwiceHasTheSameBits(ElementType act) {
    Left once = train(TestCuda.open(act), 0, ADAMW);
    Left again = train(TestCuda.open(act), 0, ADAMW);
    assertThat(again.losses).isEqualTo(once.losses);
    assertThat(again.parameters).isEqualTo(once.parameters);
    assertThat(again.state).usingRecursiveComparison().isEqualTo(once.state);
  }

  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"F32", "BF16"})
  void whatIsTakenIsWhatWasPlanned(ElementType act) {
    try (Kernels kernels = TestCuda.open(act);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      PeftConfig peft = PeftConfig.of(3, 6, 0, List.of(Projection.values()), false, "base");
      RunMemory planned =
          RunMemory.of(
              model,
              AdapterSize.of(model.config(), peft),
              new RunMemory.Layout(160, false, Recompute.NONE, ADAMW),
              0,
              0,
              0);
      long before = kernels.allocatedBytes();
      LoraAdapter adapter = LoraAdapter.initialized(peft, model, 3);
      ParameterUpdates updates = new DeviceAdamW(kernels, adapter, ADAMW, 1);
      TrainingPass pass = model.trainingPass(160, adapter.ranks(), false);
      pass.lossAndGradient(batch(0).microBatches().getFirst(), 1, Dropout.OFF);
      updates.clip(1);
      updates.apply(0.01, 0);
      long taken = kernels.allocatedBytes() - before;
      assertThat(planned.onDevice()).isTrue();
      assertThat((double) taken).isCloseTo(planned.growth(), within(0.01 * planned.growth()));
    }
  }

  /** bfloat16 has 8 bits, and a loss is a mean over many tokens. */
  @Test
  void inBfloat16LossesAreNearThoseInFloat32() {
    Left half = train(TestCuda.open(ElementType.BF16), 0, ADAMW);
    Left full = train(new CpuKernels(ElementType.F32, 2), 0, ADAMW);
    for (int step = 0; step < STEPS; step++) {
      assertThat(half.losses.get(step)).isCloseTo(full.losses.get(step), within(0.02));
    }
  }

  private static void assertClose(Left actual, Left expected) {
    for (int step = 0; step < STEPS; step++) {
      double loss = expected.losses.get(step);
      double norm = expected.norms.get(step);
      assertThat(actual.losses.get(step)).as("loss %d", step).isCloseTo(loss, within(1e-5 * loss));
      assertThat(actual.norms.get(step)).as("norm %d", step).isCloseTo(norm, within(1e-3 * norm));
    }
    assertThat(distance(actual.parameters, expected.parameters)).isLessThan(1e-3);
    assertThat(actual.state.keySet()).isEqualTo(expected.state.keySet());
    expected.state.forEach((name, values) ->
        assertThat(distance(Objects.requireNonNull(actual.state.get(name)), values))
            .as(name)
            .isLessThan(1e-3));
  }

  /** ‖actual - expected‖ / ‖expected‖. */
  private static double distance(float[] actual, float[] expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / norm);
  }
}
