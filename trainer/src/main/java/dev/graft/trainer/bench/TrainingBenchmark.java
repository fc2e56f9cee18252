package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.AdamW;
import dev.graft.trainer.optim.GradientClipping;
import dev.graft.trainer.runtime.ProcessMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Measures optimizer steps beside their bare products, on random weights. A step is what a run's
 * step is: gradients of one micro-batch, clipping, AdamW, refreshing the adapter. Raw products and
 * step take turns, and which goes first alternates, so that other work on the machine falls on
 * both.
 */
public final class TrainingBenchmark {

  private static final double LEARNING_RATE = 1e-4;

  private TrainingBenchmark() {}

  /**
   * Measures.
   *
   * @param weights type of the base weights in the temporary checkpoint
   * @param kernels what computes; closed at the end
   * @param rounds pairs of raw products and step, at least 1, after one that only warms up
   */
  public static BenchResult run(BenchShape shape, DType weights, Kernels kernels, int rounds) {
    try (BenchModel bench = BenchModel.create(shape, weights, kernels)) {
      Step step = new Step(bench, shape);
      RawProducts raw = new RawProducts(bench.kernels(), bench.checkpoint(), shape.tokens());
      // Twice: the first compiles code and touches memory, the second lets the JIT settle.
      for (int i = 0; i < 2; i++) {
        raw.run();
        step.run();
      }
      double[] rawSeconds = new double[rounds];
      double[] stepSeconds = new double[rounds];
      Times times = new Times();
      for (int round = 0; round < rounds; round++) {
        boolean rawFirst = round % 2 == 0;
        if (rawFirst) {
          rawSeconds[round] = seconds(raw::run);
        }
        bench.kernels().reset();
        stepSeconds[round] = seconds(step::run);
        times.add(bench.kernels(), stepSeconds[round]);
        if (!rawFirst) {
          rawSeconds[round] = seconds(raw::run);
        }
      }
      return result(bench, shape, raw, step, rawSeconds, stepSeconds, times);
    }
  }

  private static BenchResult result(
      BenchModel bench,
      BenchShape shape,
      RawProducts raw,
      Step step,
      double[] rawSeconds,
      double[] stepSeconds,
      Times times) {
    int rounds = rawSeconds.length;
    double[] ratios = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      ratios[i] = shape.stepFlops() / stepSeconds[i] / (raw.flops() / rawSeconds[i]);
    }
    double stepMedian = median(stepSeconds);
    return new BenchResult(
        bench.kernels().describe(),
        shape,
        raw.flops() / median(rawSeconds) / 1e9,
        shape.stepFlops() / stepMedian / 1e9,
        median(ratios),
        shape.tokens() / stepMedian,
        ProcessMemory.peak(),
        bench.kernels().allocatedBytes(),
        step.loss,
        times.clockShare(),
        times.lines(rounds));
  }

  private static double seconds(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }

  /** The middle value, or the mean of the two in the middle. */
  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** Optimizer steps on one micro-batch. */
  private static final class Step {

    private final TrainingPass pass;
    private final LoraAdapter adapter;
    private final AdamW optimizer;
    private final TokenBatch batch;
    private int steps;
    private double loss;

    Step(BenchModel bench, BenchShape shape) {
      PeftConfig config =
          PeftConfig.of(
              shape.rank(), 2 * shape.rank(), 0, List.of(Projection.values()), false, "bench");
      this.adapter = LoraAdapter.initialized(config, bench.model(), 1);
      this.pass = bench.model().trainingPass(shape.tokens(), adapter.ranks(), false);
      this.optimizer = new AdamW(adapter.size(), 0);
      Random random = new Random(1);
      int[] ids = random.ints(shape.tokens(), 0, shape.vocabulary()).toArray();
      boolean[] target = new boolean[ids.length];
      Arrays.fill(target, true);
      this.batch = TokenBatch.of(List.of(new TokenBatch.Sequence(ids, target)));
    }

    void run() {
      adapter.clearGradients();
      int targets = batch.targetTokens();
      loss = pass.lossAndGradient(batch, 1f / targets, Dropout.OFF) / targets;
      adapter.collectGradients();
      GradientClipping.clip(adapter.gradients(), 1);
      optimizer.step(adapter.parameters(), adapter.gradients(), LEARNING_RATE, steps++);
      adapter.refresh();
    }
  }

  /** Times of all rounds' steps, summed. */
  private static final class Times {

    private final Operation[] operations = Operation.values();
    private final long[] nanos = new long[operations.length];
    private final long[] calls = new long[operations.length];
    private final long[] flops = new long[operations.length];
    private double seconds;

    void add(TimedKernels kernels, double stepSeconds) {
      for (Operation operation : operations) {
        nanos[operation.ordinal()] += kernels.nanos(operation);
        calls[operation.ordinal()] += kernels.calls(operation);
        flops[operation.ordinal()] += kernels.flops(operation);
      }
      nanos[Operation.OUTSIDE.ordinal()] += Math.round(1e9 * stepSeconds) - kernels.totalNanos();
      seconds += stepSeconds;
    }

    double clockShare() {
      return Arrays.stream(calls).sum() * TimedKernels.clockNanos() / 1e9 / seconds;
    }

    List<BenchResult.Line> lines(int rounds) {
      List<BenchResult.Line> lines = new ArrayList<>();
      for (Operation operation : operations) {
        int i = operation.ordinal();
        if (nanos[i] == 0) {
          continue;
        }
        lines.add(
            new BenchResult.Line(
                operation.key(),
                operation.words(),
                calls[i] / (double) rounds,
                nanos[i] / 1e9 / rounds,
                nanos[i] / 1e9 / seconds,
                flops[i] / (double) nanos[i]));
      }
      lines.sort((a, b) -> Double.compare(b.seconds(), a.seconds()));
      return lines;
    }
  }
}
