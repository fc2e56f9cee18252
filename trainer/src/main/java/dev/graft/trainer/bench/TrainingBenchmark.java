package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.runtime.ProcessMemory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * Measures optimizer steps beside their bare products, on random weights. A step is a run's step on
 * one micro-batch. Raw products and step take turns, and which goes first alternates, so that other
 * work on the machine falls on both.
 *
 * <p>Where the device works behind the caller, a clock around each operation would have to wait for
 * it, and the device with it. There steps are measured whole, and what their operations take in
 * steps of their own.
 */
public final class TrainingBenchmark {

  /** Steps whose operations are timed one by one, on a device that works behind the caller. */
  private static final int BOOKED_STEPS = 2;

  /** Large enough for any device to reach its best rate, and a size at which others state it. */
  public static final int PEAK_SIZE = 8192;

  private TrainingBenchmark() {}

  /**
   * How to measure.
   *
   * @param weights type of the base weights in the checkpoint
   * @param rounds pairs of raw products and step, at least 1, after one that only warms up
   * @param recompute what the backward computes again
   * @param peak edge of the square matrices whose product is the peak; absent for none
   * @param keep where the checkpoint, the adapter and the tokens stay; else they go
   */
  public record Options(
      DType weights, int rounds, Recompute recompute, Optional<Integer> peak, Optional<Path> keep) {

    /** Only a step and its products. */
    public static Options of(DType weights, int rounds) {
      return new Options(weights, rounds, Recompute.NONE, Optional.empty(), Optional.empty());
    }
  }

  /**
   * Measures.
   *
   * @param kernels what computes; closed at the end
   */
  public static BenchResult run(BenchShape shape, Kernels kernels, Options options) {
    Optional<Path> checkpoint = options.keep.map(folder -> folder.resolve("model"));
    try (BenchModel bench = BenchModel.create(shape, options.weights, kernels, checkpoint)) {
      BenchStep step = new BenchStep(bench, shape, options.recompute);
      options.keep.ifPresent(step::keep);
      step.run();
      // Now it has all that a run would have, and nothing of what raw products need.
      long allocated = bench.kernels().allocatedBytes();
      OptionalLong taken = bench.kernels().deviceBytesTaken();
      RawProducts raw = new RawProducts(bench.kernels(), bench.checkpoint(), shape.tokens());
      // The first compiled code and touched memory, the second lets the JIT settle.
      raw.run();
      step.run();
      raw.run();
      double[] rawSeconds = new double[options.rounds];
      double[] stepSeconds = new double[options.rounds];
      Booking booking = new Booking(bench.kernels());
      for (int round = 0; round < options.rounds; round++) {
        boolean rawFirst = round % 2 == 0;
        if (rawFirst) {
          rawSeconds[round] = Clock.seconds(bench.kernels(), raw::run);
        }
        bench.kernels().reset();
        stepSeconds[round] = Clock.seconds(bench.kernels(), step::run);
        if (!kernels.returnsEarly()) {
          booking.add(stepSeconds[round]);
        }
        if (!rawFirst) {
          rawSeconds[round] = Clock.seconds(bench.kernels(), raw::run);
        }
      }
      if (kernels.returnsEarly()) {
        for (int i = 0; i < BOOKED_STEPS; i++) {
          booking.add(bench.kernels().booked(step::run));
        }
      }
      OptionalDouble peak =
          options.peak.isPresent()
              ? OptionalDouble.of(PeakProduct.gflops(kernels, options.peak.get()))
              : OptionalDouble.empty();
      double[] ratios = new double[options.rounds];
      for (int i = 0; i < options.rounds; i++) {
        ratios[i] = shape.stepFlops() / stepSeconds[i] / (raw.flops() / rawSeconds[i]);
      }
      double stepMedian = median(stepSeconds);
      return new BenchResult(
          kernels.describe(),
          shape,
          options.recompute,
          raw.flops() / median(rawSeconds) / 1e9,
          shape.stepFlops() / stepMedian / 1e9,
          peak,
          median(ratios),
          shape.tokens() / stepMedian,
          ProcessMemory.peak(),
          allocated,
          taken,
          step.losses(),
          booking.clockShare(),
          booking.lines());
    }
  }

  /** Where steps' time went. */
  private static final class Booking {

    private final TimedKernels kernels;
    private final Tallies tallies = new Tallies();
    private int steps;

    Booking(TimedKernels kernels) {
      this.kernels = kernels;
    }

    /** Adds what the kernels booked in a step. */
    void add(double seconds) {
      long outside = Math.round(1e9 * seconds) - kernels.tallies().totalNanos();
      tallies.add(kernels.tallies());
      tallies.addTime(Operation.OUTSIDE, outside);
      steps++;
    }

    double clockShare() {
      return tallies.totalCalls() * kernels.clockNanos() / tallies.totalNanos();
    }

    /** Where an average step's time went, longest first. */
    List<BenchResult.Line> lines() {
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
                tallies.calls(operation) / (double) steps,
                nanos / 1e9 / steps,
                nanos / (double) tallies.totalNanos(),
                tallies.flops(operation) / (double) nanos));
      }
      lines.sort((a, b) -> Double.compare(b.seconds(), a.seconds()));
      return lines;
    }
  }

  /** The middle value, or the mean of the two in the middle. */
  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
