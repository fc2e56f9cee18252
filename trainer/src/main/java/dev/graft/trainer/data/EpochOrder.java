package dev.graft.trainer.data;

import dev.graft.tokenizer.TokenSequence;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which examples each optimizer step learns from. Step and seed alone decide, so that a run can be
 * continued from any step. An epoch's last step has what is left.
 *
 * @param examples all training examples
 * @param batchSize examples per optimizer step
 * @param shuffle whether every epoch has an order of its own
 * @param seed decides those orders
 * @param packing how a step's examples become micro-batches
 */
public record EpochOrder(
    List<TokenSequence> examples, int batchSize, boolean shuffle, long seed, Packing packing) {

  /** Optimizer steps in one pass over the data. */
  public int stepsPerEpoch() {
    return Math.ceilDiv(examples.size(), batchSize);
  }

  /**
   * What step {@code step} learns from.
   *
   * @param step counted from 0
   */
  public StepBatch step(int step) {
    int epoch = step / stepsPerEpoch();
    int from = step % stepsPerEpoch() * batchSize;
    int to = Math.min(from + batchSize, examples.size());
    int[] order = order(epoch);
    List<Integer> chosen = new ArrayList<>();
    List<TokenSequence> sequences = new ArrayList<>();
    for (int i = from; i < to; i++) {
      chosen.add(order[i]);
      sequences.add(examples.get(order[i]));
    }
    return new StepBatch(epoch, List.copyOf(chosen), packing.pack(sequences));
  }

  /** How full the first epoch's micro-batches are; other orders come out much alike. */
  public Packing.Fullness fullness() {
    int[] order = order(0);
    Packing.Fullness fullness = Packing.Fullness.NONE;
    for (int from = 0; from < order.length; from += batchSize) {
      List<TokenSequence> chosen = new ArrayList<>();
      for (int i = from; i < Math.min(from + batchSize, order.length); i++) {
        chosen.add(examples.get(order[i]));
      }
      fullness = fullness.plus(packing.fullness(chosen));
    }
    return fullness;
  }

  /** The order of one epoch: Fisher-Yates, keyed by seed and epoch. */
  private int[] order(int epoch) {
    int[] order = new int[examples.size()];
    for (int i = 0; i < order.length; i++) {
      order[i] = i;
    }
    if (!shuffle) {
      return order;
    }
    SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + epoch);
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
