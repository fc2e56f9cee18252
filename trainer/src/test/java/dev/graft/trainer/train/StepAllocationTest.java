package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
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
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory is laid out before the first step: a step allocates no native memory, and on the Java heap
 * only handles.
 */
class StepAllocationTest {

  private static final int LAYERS = 3;
  private static final int VOCABULARY = 61;
  private static final int THREADS = 2;

  /**
   * Bytes of Java heap that a step may use once everything is compiled: handles, loops as objects,
   * and what ND4J makes around its calls. Three layers take 31 KiB, twenty-two 63; one loop whose
   * vectors stay objects takes megabytes.
   */
  private static final long LIMIT = 64 * 1024;

  private static final int STEPS_BELOW = 10;
  private static final int MOST_STEPS = 1000;

  private static final ThreadMXBean THREAD_BEAN =
      (ThreadMXBean) ManagementFactory.getThreadMXBean();

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
      Trainer trainer = trainer(kernels, checkpoint, 0.1f);
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

  /**
   * Until the JIT has compiled the loops, each vector in them is an object, megabytes a step. When
   * that is done depends on how busy the machine is, so steps are taken until ten in a row stay
   * below the limit; where a loop's vectors stay objects after it was compiled, that never happens.
   *
   * <p>In a process of its own, as a run is: what the JIT inlines follows from all that a process
   * did before, and after some hundred other tests a step was seen to leave 8 MB.
   */
  @Tag("nightly")
  @Test
  void stepsMakeLittleGarbage() throws IOException, InterruptedException {
    Path base =
        RandomCheckpoint.llama()
            .hiddenSize(64)
            .intermediateSize(96)
            .layers(LAYERS)
            .heads(4)
            .kvHeads(2)
            .headDim(16)
            .vocabSize(VOCABULARY)
            .dtype(DType.BF16)
            .write(folder.resolve("base"));
    ChildProcess.run(folder.resolve("child.log"), List.of(), Steps.class, base.toString());
  }

  /**
   * Takes steps until enough of them in a row make little garbage; exit code 1 if that never is.
   */
  static final class Steps {
    private Steps() {}

    public static void main(String[] args) {
      List<Long> garbage = new ArrayList<>();
      int below = 0;
      try (Kernels kernels = new CpuKernels(ElementType.F32, THREADS);
          Checkpoint checkpoint = Checkpoint.open(Path.of(args[0]))) {
        Trainer trainer = trainer(kernels, checkpoint, 0);
        StepBatch batch = new StepBatch(0, List.of(0), List.of(micro(300, 3)));
        long[] threads = computingThreads();
        for (int step = 0; step < MOST_STEPS && below < STEPS_BELOW; step++) {
          long before = allocated(threads);
          trainer.step(step, batch);
          garbage.add(allocated(threads) - before);
          below = garbage.getLast() < LIMIT ? below + 1 : 0;
        }
      }
      System.out.println(
          "bytes on the heap of the last steps: " + garbage.reversed().stream().limit(20).toList());
      System.exit(below < STEPS_BELOW ? 1 : 0);
    }
  }

  /** This thread and all that loops are spread over. */
  private static long[] computingThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread ->
            thread == Thread.currentThread() || thread.getName().startsWith("graft-loop-"))
        .mapToLong(Thread::threadId)
        .toArray();
  }

  private static long allocated(long[] threads) {
    return Arrays.stream(THREAD_BEAN.getThreadAllocatedBytes(threads)).sum();
  }

  private static Trainer trainer(Kernels kernels, Checkpoint checkpoint, float dropout) {
    Llama model = Llama.load(kernels, checkpoint);
    PeftConfig peft = PeftConfig.of(4, 8, dropout, List.of(Projection.values()), false, "base");
    LoraAdapter adapter = LoraAdapter.initialized(peft, model, 3);
    return new Trainer(
        model.trainingPass(300, adapter.ranks(), dropout > 0),
        adapter,
        Optimizer.adamW(adapter.size(), 0.01),
        new LearningRateSchedule(Schedule.LINEAR, 1e-3, 2, MOST_STEPS),
        dropout,
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
