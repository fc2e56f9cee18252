package dev.graft.trainer.data;

import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.model.TokenBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which examples each optimizer step learns from. Step and seed alone decide, so that a run can be
 * continued from any step.
 *
 * <p>Shuffled examples are packed in a window of several steps, see {@link StepPlanner}; examples
 * that are not shuffled, or not packed, come in order, {@code batchSize} at a time.
 */
public final class EpochOrder {

  private final List<TokenSequence> examples;
  private final Mixture mixture;
  private final int batchSize;
  private final boolean shuffle;
  private final long seed;
  private final Packing packing;
  private final int window;

  // The epoch that was asked for last: a run goes through an epoch step by step.
  private int plannedEpoch = -1;
  private List<PlannedStep> planned = List.of();

  /**
   * @param examples all training examples
   * @param mixture how often each of them is drawn
   * @param batchSize examples per optimizer step
   * @param shuffle whether every epoch has an order of its own
   * @param seed decides those orders
   * @param packing how examples become micro-batches
   * @param window shuffled examples that are packed together, at least; 0 for those of each step
   */
  public EpochOrder(
      List<TokenSequence> examples,
      Mixture mixture,
      int batchSize,
      boolean shuffle,
      long seed,
      Packing packing,
      int window) {
    this.examples = examples;
    this.mixture = mixture;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.seed = seed;
    this.packing = packing;
    this.window = window;
  }

  /** Every example once an epoch. */
  public EpochOrder(
      List<TokenSequence> examples,
      int batchSize,
      boolean shuffle,
      long seed,
      Packing packing,
      int window) {
    this(examples, Mixture.once(examples.size()), batchSize, shuffle, seed, packing, window);
  }

  /** All training examples. */
  public List<TokenSequence> examples() {
    return examples;
  }

  /** How examples become micro-batches. */
  public Packing packing() {
    return packing;
  }

  /** Optimizer steps in one pass over the data. */
  public int stepsPerEpoch() {
    return Math.ceilDiv(mixture.draws(), batchSize);
  }

  /**
   * What step {@code step} learns from.
   *
   * @param step counted from 0
   */
  public StepBatch step(int step) {
    int epoch = step / stepsPerEpoch();
    PlannedStep chosen = steps(epoch).get(step % stepsPerEpoch());
    List<TokenBatch> microBatches = new ArrayList<>();
    for (List<Integer> members : chosen.microBatches()) {
      microBatches.add(Packing.layOut(members.stream().map(examples::get).toList()));
    }
    List<Integer> members = chosen.microBatches().stream().flatMap(List::stream).toList();
    return new StepBatch(epoch, members, List.copyOf(microBatches));
  }

  /** How full the first epoch's micro-batches are; other epochs come out much alike. */
  public Packing.Fullness fullness() {
    int[] lengths = lengths();
    Packing.Fullness fullness = Packing.Fullness.NONE;
    for (PlannedStep step : steps(0)) {
      for (List<Integer> members : step.microBatches()) {
        long tokens = members.stream().mapToLong(i -> lengths[i]).sum();
        fullness = fullness.plus(packing.fullness(tokens));
      }
    }
    return fullness;
  }

  private int[] lengths() {
    return examples instanceof TokenFile.Examples mapped
        ? mapped.lengths()
        : examples.stream().mapToInt(TokenSequence::length).toArray();
  }

  private List<PlannedStep> steps(int epoch) {
    if (epoch != plannedEpoch) {
      StepPlanner planner = new StepPlanner(lengths(), batchSize, packing);
      boolean together = shuffle && packing.several() && window > 0;
      planned = together ? planner.packed(order(epoch), window) : planner.inOrder(order(epoch));
      plannedEpoch = epoch;
    }
    return planned;
  }

  /** The order of one epoch: Fisher-Yates, keyed by seed and epoch. */
  private int[] order(int epoch) {
    int[] order = mixture.epoch(epoch, shuffle, seed);
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
