package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Decoder;
import dev.graft.trainer.model.StackedRanks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures generation, token by token, beside what memory allows: each token reads every weight of
 * every linear layer once, and computes next to nothing with it.
 */
public final class DecodeBenchmark {

  private static final int WARM_UP = 3;

  private DecodeBenchmark() {}

  /**
   * Measures.
   *
   * @param shape its tokens are how many are generated in a round
   * @param weights type of the base weights in the temporary checkpoint
   * @param kernels what computes; closed at the end
   * @param rounds pairs of a reading of all weights and a generation
   */
  public static DecodeResult run(BenchShape shape, DType weights, Kernels kernels, int rounds) {
    try (BenchModel bench = BenchModel.create(shape, weights, kernels)) {
      List<MemorySegment> read = linearWeights(bench.checkpoint());
      long bytes = read.stream().mapToLong(MemorySegment::byteSize).sum();
      Decoder decoder = bench.model().decoder(shape.tokens() + WARM_UP, StackedRanks.NONE);
      double[] decodeRates = new double[rounds];
      double[] bandwidths = new double[rounds];
      double[] ratios = new double[rounds];
      readAll(read);
      for (int round = 0; round < rounds; round++) {
        bandwidths[round] = bytes / readAll(read);
        decodeRates[round] = tokensPerSecond(decoder, shape);
        ratios[round] = decodeRates[round] * bytes / bandwidths[round];
      }
      return new DecodeResult(
          bench.kernels().describe(),
          shape,
          TrainingBenchmark.median(decodeRates),
          TrainingBenchmark.median(bandwidths),
          bytes,
          TrainingBenchmark.median(ratios));
    }
  }

  private static List<MemorySegment> linearWeights(Checkpoint checkpoint) {
    List<MemorySegment> weights = new ArrayList<>();
    for (int layer = 0; layer < checkpoint.config().layers(); layer++) {
      for (Projection projection : Projection.values()) {
        weights.add(checkpoint.tensor(projection.path(layer) + ".weight").data());
      }
    }
    weights.add(checkpoint.lmHead().data());
    return weights;
  }

  private static double tokensPerSecond(Decoder decoder, BenchShape shape) {
    decoder.clear();
    int[] token = new int[1];
    for (int i = 0; i < WARM_UP; i++) {
      token[0] = i % shape.vocabulary();
      decoder.next(token);
    }
    long start = System.nanoTime();
    for (int i = 0; i < shape.tokens(); i++) {
      token[0] = largest(decoder.next(token));
    }
    return shape.tokens() / ((System.nanoTime() - start) / 1e9);
  }

  private static int largest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  /** Seconds that all cores together take to read some memory in order. */
  private static double readAll(List<MemorySegment> weights) {
    int threads = Runtime.getRuntime().availableProcessors();
    long[] sums = new long[threads];
    List<Thread> readers = new ArrayList<>();
    long start = System.nanoTime();
    for (int i = 0; i < threads; i++) {
      int reader = i;
      readers.add(
          Thread.ofPlatform()
              .start(() -> {
                for (MemorySegment weight : weights) {
                  sums[reader] += sum(weight, reader, threads);
                }
              }));
    }
    for (Thread reader : readers) {
      join(reader);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    // What was read has to be used, or the compiler would not read it.
    return sums[0] == Long.MIN_VALUE + 1 ? seconds + 1e-9 : seconds;
  }

  /** Four sums, so that additions do not wait for each other, over one reader's share. */
  private static long sum(MemorySegment weight, int reader, int readers) {
    long words = weight.byteSize() / Long.BYTES;
    long from = words * reader / readers;
    long to = words * (reader + 1) / readers;
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    for (long i = from; i + 4 <= to; i += 4) {
      a += weight.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i);
      b += weight.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i + 8);
      c += weight.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i + 16);
      d += weight.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i + 24);
    }
    return a ^ b ^ c ^ d;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
