package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.runtime.ProcessMemory;
import dev.graft.trainer.train.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Measures optimizer steps beside their bare products, on random weights. A step is a run's step,
 * {@link Trainer#step}, on one micro-batch. Raw products and step take turns, and which goes first
 * alternates, so that other work on the machine falls on both.
 */
public final class TrainingBenchmark {

  private static final double LEARNING_RATE = 1e-4;
  private static final double MAX_GRAD_NORM = 1;

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
      Tallies tallies = new Tallies();
      for (int round = 0; round < rounds; round++) {
        boolean rawFirst = round % 2 == 0;
        if (rawFirst) {
          rawSeconds[round] = seconds(raw::run);
        }
        bench.kernels().reset();
        stepSeconds[round] = seconds(step::run);
        long outside =
            Math.round(1e9 * stepSeconds[round]) - bench.kernels().tallies().totalNanos();
        tallies.add(bench.kernels().tallies());
        tallies.addTime(Operation.OUTSIDE, outside);
        if (!rawFirst) {
          rawSeconds[round] = seconds(raw::run);
        }
      }
      return result(bench, shape, raw, step, rawSeconds, stepSeconds, tallies);
    }
  }

  private static BenchResult result(
      BenchModel bench,
      BenchShape shape,
      RawProducts raw,
      Step step,
      double[] rawSeconds,
      double[] stepSeconds,
      Tallies tallies) {
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
        tallies.totalCalls() * TimedKernels.clockNanos() / tallies.totalNanos(),
        lines(tallies, rounds));
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

    private final Trainer trainer;
    private final StepBatch batch;
    private int steps;
    private double loss;

    Step(BenchModel bench, BenchShape shape) {
      PeftConfig config =
          PeftConfig.of(
              shape.rank(), 2 * shape.rank(), 0, List.of(Projection.values()), false, "bench");
      LoraAdapter adapter = LoraAdapter.initialized(config, bench.model(), 1);
      this.trainer =
          new Trainer(
              bench.model().trainingPass(shape.tokens(), adapter.ranks(), false),
              adapter,
              Optimizer.adamW(adapter.size(), 0),
              new LearningRateSchedule(Schedule.CONSTANT, LEARNING_RATE, 0, Integer.MAX_VALUE),
              0,
              1,
              MAX_GRAD_NORM);
      Random random = new Random(1);
      int[] ids = random.ints(shape.tokens(), 0, shape.vocabulary()).toArray();
      boolean[] target = new boolean[ids.length];
      Arrays.fill(target, true);
      TokenBatch tokens = TokenBatch.of(List.of(new TokenBatch.Sequence(ids, target)));
      this.batch = new StepBatch(0, List.of(0), List.of(tokens));
    }

    void run() {
      loss = trainer.step(steps++, batch).loss();
    }
  }

  /** Where an average step's time went, longest first. */
  private static List<BenchResult.Line> lines(Tallies tallies, int rounds) {
    List<BenchResult.Line> lines = new ArrayList<>();
    for (Operation operation : Operation.values()) {
      long nanos = tallies.nanos(operation);
      if (nanos == 0) {
        continue;
      }
      lines.add(
          new BenchResult.Line(
              operation.key(),
              operation.words(),
              tallies.calls(operation) / (double) rounds,
              nanos / 1e9 / rounds,
              nanos / (double) tallies.totalNanos(),
              tallies.flops(operation) / (double) nanos));
    }
    lines.sort((a, b) -> Double.compare(b.seconds(), a.seconds()));
    return lines;
  }
}
