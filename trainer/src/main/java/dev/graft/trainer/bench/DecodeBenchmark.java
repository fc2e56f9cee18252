package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.BatchDecoder;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.runtime.ReadBandwidth;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Measures generation beside what the machine allows. A step of decoding reads every weight of
 * every linear layer once, for one sequence or for many, so memory is its floor; reading a prompt
 * is a forward pass, whose floor is the rate of its products.
 */
public final class DecodeBenchmark {

  private static final int WARM_UP = 3;

  /** Until then the JIT compiler is done with the loops. */
  private static final long COMPILING_NANOS = 4_000_000_000L;

  private DecodeBenchmark() {}

  /**
   * Measures.
   *
   * @param shape its tokens are the length of a prompt, and how many are generated in a round
   * @param weights type of the base weights in the temporary checkpoint
   * @param kernels what computes; closed at the end
   * @param rounds how often a reading of all weights, a generation, the products of a prompt and
   *     the reading of a prompt follow one another
   * @param sequences that are generated at once
   */
  public static DecodeResult run(
      BenchShape shape, DType weights, Kernels kernels, int rounds, int sequences) {
    try (BenchModel bench = BenchModel.create(shape, weights, kernels)) {
      ReadBandwidth memory = new ReadBandwidth(linearWeights(bench.checkpoint()));
      RawProducts raw = new RawProducts(bench.kernels(), bench.checkpoint(), shape.tokens());
      Generation generation = new Generation(bench, shape, sequences);
      double[] bandwidths = new double[rounds];
      double[] steps = new double[rounds];
      double[] ratios = new double[rounds];
      double[] rawRates = new double[rounds];
      double[] prefills = new double[rounds];
      double[] prefillRatios = new double[rounds];
      memory.measure();
      raw.layersForward();
      generation.prefillSeconds();
      long begin = System.nanoTime();
      while (System.nanoTime() - begin < COMPILING_NANOS) {
        generation.stepsPerSecond();
      }
      for (int round = 0; round < rounds; round++) {
        bandwidths[round] = memory.measure();
        steps[round] = generation.stepsPerSecond();
        ratios[round] = steps[round] * memory.bytes() / bandwidths[round];
        rawRates[round] =
            raw.layersForwardFlops() / Clock.seconds(bench.kernels(), raw::layersForward);
        double seconds = generation.prefillSeconds();
        prefills[round] = shape.tokens() / seconds;
        prefillRatios[round] = shape.prefillFlops() / seconds / rawRates[round];
      }
      return new DecodeResult(
          bench.kernels().describe(),
          shape,
          sequences,
          TrainingBenchmark.median(steps),
          TrainingBenchmark.median(bandwidths),
          memory.bytes(),
          TrainingBenchmark.median(ratios),
          TrainingBenchmark.median(prefills),
          TrainingBenchmark.median(rawRates) / 1e9,
          TrainingBenchmark.median(prefillRatios));
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

  /** Sequences that begin anew in every round. */
  private static final class Generation {
    private final Kernels kernels;
    private final BenchShape shape;
    private final BatchDecoder decoder;
    private final List<BatchDecoder.Sequence> sequences = new ArrayList<>();
    private final int[] tokens;

    Generation(BenchModel bench, BenchShape shape, int count) {
      this.kernels = bench.kernels();
      this.shape = shape;
      int longest = shape.tokens() + WARM_UP;
      this.decoder = bench.model().batchDecoder(count, longest, count * longest, StackedRanks.NONE);
      this.tokens = new int[count];
      for (int i = 0; i < count; i++) {
        BatchDecoder.@Nullable Sequence opened = decoder.open(longest);
        if (opened == null) {
          throw new IllegalStateException("no room for " + longest);
        }
        sequences.add(opened);
      }
    }

    double stepsPerSecond() {
      sequences.forEach(BatchDecoder.Sequence::clear);
      Arrays.setAll(tokens, i -> i % shape.vocabulary());
      for (int i = 0; i < WARM_UP; i++) {
        step();
      }
      return shape.tokens()
          / Clock.seconds(
              kernels,
              () -> {
                for (int i = 0; i < shape.tokens(); i++) {
                  step();
                }
              });
    }

    private void step() {
      float[] logits = decoder.next(sequences, tokens);
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = largest(logits, i * shape.vocabulary());
      }
    }

    private int largest(float[] logits, int from) {
      int best = 0;
      for (int i = 1; i < shape.vocabulary(); i++) {
        if (logits[from + i] > logits[from + best]) {
          best = i;
        }
      }
      return best;
    }

    double prefillSeconds() {
      BatchDecoder.Sequence sequence = sequences.getFirst();
      sequence.clear();
      int[] prompt = new int[shape.tokens()];
      Arrays.setAll(prompt, i -> (i * 7) % shape.vocabulary());
      return Clock.seconds(kernels, () -> decoder.read(sequence, prompt));
    }
  }
}
