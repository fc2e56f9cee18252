package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.optim.AdamW;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.tensor.ElementType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory is laid out before the first step: a step allocates nothing that grows with its tokens.
 */
class StepAllocationTest {

  private static final int LAYERS = 3;
  private static final int VOCABULARY = 61;

  @TempDir Path folder;

  @Test
  void stepsAllocateNoNativeMemory() {
    Path base =
        RandomCheckpoint.llama()
            .hiddenSize(32)
            .intermediateSize(48)
            .layers(LAYERS)
            .heads(4)
            .kvHeads(2)
            .headDim(8)
            .vocabSize(VOCABULARY)
            .dtype(DType.BF16)
            .write(folder.resolve("base"));
    try (Kernels kernels = new CpuKernels(ElementType.F32, 1);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Trainer trainer = trainer(kernels, checkpoint);
      StepBatch batch =
          new StepBatch(0, List.of(0, 1, 2), List.of(micro(131, 3), micro(300, 4), micro(131, 5)));
      int step = 0;
      while (step < 2) {
        trainer.step(step++, batch);
      }
      long laidOut = kernels.allocatedBytes();
      while (step < 4) {
        trainer.step(step++, batch);
      }
      assertThat(kernels.allocatedBytes()).isEqualTo(laidOut);
    }
  }

  private static Trainer trainer(Kernels kernels, Checkpoint checkpoint) {
    Llama model = Llama.load(kernels, checkpoint);
    PeftConfig peft = PeftConfig.of(4, 8, 0.1, List.of(Projection.values()), false, "base");
    LoraAdapter adapter = LoraAdapter.initialized(peft, model, 3);
    return new Trainer(
        model.trainingPass(300, adapter.ranks(), true),
        adapter,
        new AdamW(adapter.size(), 0.01),
        new LearningRateSchedule(Schedule.LINEAR, 1e-3, 2, 100),
        0.1f,
        7,
        1);
  }

  private static TokenBatch micro(int tokens, long seed) {
    Random random = new Random(seed);
    return TokenBatch.of(
        IntStream.of(tokens / 3, tokens - tokens / 3)
            .mapToObj(length -> {
              boolean[] target = new boolean[length];
              Arrays.fill(target, true);
              return new Sequence(random.ints(length, 0, VOCABULARY).toArray(), target);
            })
            .toList());
  }
}
