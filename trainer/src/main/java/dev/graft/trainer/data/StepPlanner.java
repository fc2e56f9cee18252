package dev.graft.trainer.data;

import static java.util.Comparator.comparingInt;
import static java.util.Comparator.naturalOrder;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Cuts an epoch's order into optimizer steps.
 *
 * <p>Packed one by one, steps of few examples leave much room: 79 % of it is filled with 8
 * conversations of 525 tokens a step and micro-batches of 2,048. So the examples of several steps,
 * the shuffle window, are packed together and their micro-batches dealt out: every step has as many
 * of them as the next, or one more, and nearly as many examples. A window that is no larger than
 * needed keeps chance in what meets in a micro-batch: packing decides by length, and would lay out
 * a whole data set the same way in every epoch.
 *
 * @param lengths of all examples, in tokens
 * @param batchSize examples of a step
 * @param packing lays examples into micro-batches
 */
record StepPlanner(int[] lengths, int batchSize, Packing packing) {

  /**
   * Every step has exactly {@code batchSize} examples, in the given order; the last what is left.
   */
  List<PlannedStep> inOrder(int[] order) {
    List<PlannedStep> steps = new ArrayList<>();
    for (int from = 0; from < order.length; from += batchSize) {
      int to = Math.min(order.length, from + batchSize);
      int[] members = Arrays.copyOfRange(order, from, to);
      steps.add(step(members, bins(members)));
    }
    return steps;
  }

  /**
   * As many steps as {@link #inOrder} makes, with {@code batchSize} examples on average.
   *
   * @param window examples that are packed together, at least; rounded up to whole steps
   */
  List<PlannedStep> packed(int[] order, int window) {
    int size = Math.ceilDiv(window, batchSize) * batchSize;
    List<PlannedStep> steps = new ArrayList<>();
    for (int from = 0; from < order.length; from += size) {
      int[] members = Arrays.copyOfRange(order, from, Math.min(order.length, from + size));
      List<List<Integer>> bins = bins(members);
      int count = Math.ceilDiv(members.length, batchSize);
      if (bins.size() < count) {
        // Micro-batches hold more than a step's examples: there is not one for every step.
        steps.addAll(inOrder(members));
      } else {
        deal(bins, count).forEach(dealt -> steps.add(step(members, dealt)));
      }
    }
    return steps;
  }

  /**
   * Deals micro-batches out to steps, those with most examples first, each to the step that has
   * fewest examples yet. Steps come out in the order of their first example, which is chance.
   */
  private static List<List<List<Integer>>> deal(List<List<Integer>> bins, int count) {
    List<List<List<Integer>>> steps = new ArrayList<>();
    IntStream.range(0, count).forEach(_ -> steps.add(new ArrayList<>()));
    int fewest = bins.size() / count;
    int withOneMore = bins.size() % count;
    for (List<Integer> next : bins.stream().sorted(comparingInt(bin -> -bin.size())).toList()) {
      int most = withOneMore > 0 ? fewest + 1 : fewest;
      List<List<Integer>> step =
          steps.stream()
              .filter(dealt -> dealt.size() < most)
              .min(comparingInt(dealt -> dealt.stream().mapToInt(List::size).sum()))
              .orElseThrow();
      step.add(next);
      withOneMore -= step.size() > fewest ? 1 : 0;
    }
    steps.sort(
        comparingInt(dealt -> dealt.stream().flatMap(List::stream).min(naturalOrder()).get()));
    return steps;
  }

  private List<List<Integer>> bins(int[] members) {
    return packing.bins(IntStream.of(members).map(i -> lengths[i]).toArray());
  }

  private static PlannedStep step(int[] members, List<List<Integer>> bins) {
    return new PlannedStep(
        bins.stream().map(bin -> bin.stream().map(i -> members[i]).toList()).toList());
  }
}
