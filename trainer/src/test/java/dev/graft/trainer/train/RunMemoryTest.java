package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.full.FullSize;
import dev.graft.trainer.full.FullWeights;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.lora.AdapterSize;
import dev.graft.trainer.lora.Beginning;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.runtime.ProcessMemory;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What is planned is what a run then takes. */
class RunMemoryTest {

  private static final int VOCABULARY = 500;

  private static final OptimizerSettings ADAMW = OptimizerSettings.of(OptimizerKind.ADAMW, 0);

  @TempDir Path folder;

  private static final PeftConfig PEFT =
      PeftConfig.of(16, 32, 0, List.of(Projection.values()), false, "base");

  private Path base(int layers, int hidden, DType weights) {
    return base(layers, hidden, VOCABULARY, weights);
  }

  private Path base(int layers, int hidden, int vocabulary, DType weights) {
    return RandomCheckpoint.llama()
        .hiddenSize(hidden)
        .intermediateSize(3 * hidden)
        .layers(layers)
        .heads(4)
        .kvHeads(2)
        .headDim(hidden / 4)
        .vocabSize(vocabulary)
        .dtype(weights)
        .write(folder.resolve("base"));
  }

  private static RunMemory plan(Llama model, RunMemory.Layout layout) {
    return RunMemory.of(model, AdapterSize.of(model.config(), PEFT), layout, 0, 0, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "F32, NONE, false, false, false",
    "BF16, NONE, true, false, false",
    "BF16, LAYERS, false, false, false",
    "F32, LAYERS, true, true, false",
    "BF16, NONE, false, true, false",
    "F32, NONE, false, false, true",
    "BF16, LAYERS, false, true, true"
  })
  void theKernelsAllocateExactlyWhatIsPlanned(
      ElementType act, Recompute recompute, boolean dropout, boolean dora, boolean pissa) {
    Beginning beginning = pissa ? new Beginning.PrincipalComponents(0) : new Beginning.Random();
    PeftConfig peft =
        new PeftConfig(
            5,
            32,
            0,
            new TargetModules.Names(List.of("q_proj", "down_proj", "layers.1.self_attn.v_proj")),
            false,
            "base",
            Map.of("q_proj", 7),
            Map.of(),
            null,
            dora);
    try (Kernels kernels = new CpuKernels(act, 2);
        Checkpoint checkpoint = Checkpoint.open(base(3, 40, DType.BF16))) {
      Llama model = Llama.load(kernels, checkpoint);
      AdapterSize size = AdapterSize.of(model.config(), peft, beginning);
      RunMemory plan =
          RunMemory.of(model, size, new RunMemory.Layout(207, dropout, recompute, ADAMW), 0, 0, 0);
      long before = kernels.allocatedBytes();
      LoraAdapter adapter = LoraAdapter.initialized(peft, model, 1, beginning);
      long copies = kernels.allocatedBytes() - before;
      // PiSSA keeps its beginning, and the difference to it, on the host.
      long constants = adapter.constants().values().stream().mapToLong(INDArray::length).sum();
      assertThat(constants > 0).isEqualTo(pissa);
      assertThat(plan.parameters()).isEqualTo(4 * adapter.size() + 2 * 4 * constants + copies);
      assertThat(plan.gradients()).isEqualTo(4 * adapter.gradients().length());
      for (OptimizerKind kind : OptimizerKind.values()) {
        var settings = OptimizerSettings.of(kind, 0);
        var layout = new RunMemory.Layout(207, dropout, recompute, settings);
        long state =
            Optimizer.of(settings, adapter.groups(), 1).state().values().stream()
                .mapToLong(INDArray::length)
                .sum();
        assertThat(RunMemory.of(model, size, layout, 0, 0, 0).optimizer())
            .isEqualTo(Float.BYTES * state);
      }
      before = kernels.allocatedBytes();
      var pass = model.trainingPass(207, adapter.ranks(), dropout, recompute);
      assertThat(plan.pass()).isEqualTo(pass.memory());
      assertThat(plan.pass().total()).isEqualTo(kernels.allocatedBytes() - before);
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, NONE, true", "BF16, LAYERS, false", "BF16, NONE, true"})
  void soDoTheyWhereAllWeightsAreTrained(ElementType act, Recompute recompute, boolean tied) {
    try (Kernels kernels = new CpuKernels(act, 2);
        Checkpoint checkpoint = Checkpoint.open(tiedBase(tied))) {
      var planning = new PlanningKernels(kernels);
      RunMemory plan =
          RunMemory.of(
              FullWeights.blank(checkpoint.config(), planning),
              FullSize.of(checkpoint.config()),
              new RunMemory.Layout(207, false, recompute, ADAMW),
              0,
              0,
              0);
      assertThat(kernels.allocatedBytes()).isZero();
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      assertThat(plan.parameters())
          .isEqualTo(4 * weights.parameters().length() + kernels.allocatedBytes());
      assertThat(plan.gradients()).isEqualTo(4 * weights.gradients().length());
      long state =
          Optimizer.of(ADAMW, weights.groups(), 1).state().values().stream()
              .mapToLong(INDArray::length)
              .sum();
      assertThat(plan.optimizer()).isEqualTo(Float.BYTES * state);
      long before = kernels.allocatedBytes();
      var pass = weights.model().trainingPass(207, StackedRanks.NONE, false, recompute);
      assertThat(plan.pass()).isEqualTo(pass.memory());
      assertThat(plan.pass().total()).isEqualTo(kernels.allocatedBytes() - before);
    }
  }

  private Path tiedBase(boolean tied) {
    return RandomCheckpoint.llama().layers(3).tied(tied).write(folder.resolve("base"));
  }

  @Test
  void planningAllocatesNothing() {
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(base(2, 40, DType.F32))) {
      Llama model = Llama.load(kernels, checkpoint);
      RunMemory huge = plan(model, new RunMemory.Layout(1 << 20, false, Recompute.NONE, ADAMW));
      assertThat(huge.peak()).isGreaterThan(1L << 30);
      assertThat(kernels.allocatedBytes()).isZero();
    }
  }

  /**
   * In a process of its own, whose heap is there from the start, so that what it grows by is the
   * run's.
   */
  @Tag("nightly")
  @ParameterizedTest
  @CsvSource({
    "6, 256, 500, F32, 4096, NONE",
    "8, 384, 500, F32, 6144, LAYERS",
    // Where products read float32 only, the head is widened: a fifth of all.
    "4, 512, 40009, BF16, 2048, NONE"
  })
  void theProcessGrowsByWhatIsPlanned(
      int layers, int hidden, int vocabulary, DType weights, int tokens, Recompute recompute)
      throws IOException, InterruptedException {
    assumeTrue(ProcessMemory.anonymous().isPresent(), "no /proc here");
    List<String> lines =
        ChildProcess.run(
            folder.resolve("child.log"),
            List.of("-XX:+UseSerialGC", "-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch"),
            Growth.class,
            base(layers, hidden, vocabulary, weights).toString(),
            Integer.toString(tokens),
            recompute.name());
    String[] numbers = lines.getLast().split(" ", 2);
    long planned = Long.parseLong(numbers[0]);
    long grown = Long.parseLong(numbers[1]);
    assertThat(grown).isCloseTo(planned, within(planned / 20));
  }

  /** The child: prints what was planned and what it grew by. */
  static final class Growth {

    private Growth() {}

    static void main(String[] args) {
      int tokens = Integer.parseInt(args[1]);
      Recompute recompute = Recompute.valueOf(args[2]);
      try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
          Checkpoint checkpoint = Checkpoint.open(Path.of(args[0]))) {
        Llama model = Llama.load(kernels, checkpoint);
        // Libraries and ND4J are not the run's.
        twoSteps(model, 64, recompute);
        long planned = plan(model, new RunMemory.Layout(tokens, false, recompute, ADAMW)).growth();
        long before = ProcessMemory.anonymous().orElseThrow();
        twoSteps(model, tokens, recompute);
        System.out.println(planned + " " + (ProcessMemory.anonymous().orElseThrow() - before));
      }
    }
  }

  private static void twoSteps(Llama model, int tokens, Recompute recompute) {
    LoraAdapter adapter = LoraAdapter.initialized(PEFT, model, 1);
    Trainer trainer =
        new Trainer(
            model.trainingPass(tokens, adapter.ranks(), false, recompute),
            adapter,
            Optimizer.adamW(adapter.size(), 0),
            new LearningRateSchedule(Schedule.CONSTANT, 1e-3, 0, 100),
            0,
            7,
            1);
    StepBatch batch = new StepBatch(0, List.of(0), List.of(batch(tokens)));
    trainer.step(0, batch);
    trainer.step(1, batch);
  }

  private static TokenBatch batch(int tokens) {
    Random random = new Random(1);
    return TokenBatch.of(
        IntStream.range(0, 8)
            .mapToObj(_ -> {
              boolean[] target = new boolean[tokens / 8];
              Arrays.fill(target, true);
              return new Sequence(random.ints(tokens / 8, 0, VOCABULARY).toArray(), target);
            })
            .toList());
  }
}
