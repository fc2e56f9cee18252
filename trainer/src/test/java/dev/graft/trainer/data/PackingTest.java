package dev.graft.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.model.TokenBatch;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PackingTest {

  private static TokenSequence sequence(int length, int first) {
    int[] ids = IntStream.range(first, first + length).toArray();
    boolean[] target = new boolean[length];
    java.util.Arrays.fill(target, true);
    return new TokenSequence(ids, target, Origin.MEMORY);
  }

  @Test
  void sequencesShareMicroBatchesUpToTheLimit() {
    List<TokenSequence> sequences =
        List.of(sequence(7, 0), sequence(5, 10), sequence(3, 20), sequence(12, 30));
    List<TokenBatch> bins = new Packing(10, true).pack(sequences);
    assertThat(bins).extracting(TokenBatch::tokens).containsExactly(10, 5, 12);
    TokenBatch first = bins.getFirst();
    assertThat(first.ids()).containsExactly(0, 1, 2, 3, 4, 5, 6, 20, 21, 22);
    assertThat(first.segmentStarts()).containsExactly(0, 0, 0, 0, 0, 0, 0, 7, 7, 7);
    assertThat(first.positions()).containsExactly(0, 1, 2, 3, 4, 5, 6, 0, 1, 2);
    assertThat(first.predictingRows()).containsExactly(0, 1, 2, 3, 4, 5, 7, 8);
    assertThat(first.targets()).containsExactly(1, 2, 3, 4, 5, 6, 21, 22);
  }

  @Test
  void withoutPackingEverySequenceIsAlone() {
    List<TokenSequence> sequences = List.of(sequence(2, 0), sequence(2, 5), sequence(2, 9));
    assertThat(new Packing(10, false).pack(sequences)).hasSize(3);
  }

  @Test
  void everyEpochSeesEveryExampleOnceInItsOwnOrder() {
    List<TokenSequence> examples = new ArrayList<>();
    IntStream.range(0, 31).forEach(i -> examples.add(sequence(2, i)));
    EpochOrder order = new EpochOrder(examples, 7, true, 5, new Packing(100, true));
    assertThat(order.stepsPerEpoch()).isEqualTo(5);
    List<List<Integer>> epochs = new ArrayList<>();
    for (int epoch = 0; epoch < 2; epoch++) {
      List<Integer> seen = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        StepBatch step = order.step(epoch * 5 + i);
        assertThat(step.epoch()).isEqualTo(epoch);
        seen.addAll(step.examples());
      }
      Set<Integer> distinct = new HashSet<>(seen);
      assertThat(distinct).hasSize(31);
      epochs.add(seen);
    }
    assertThat(epochs.get(0)).isNotEqualTo(epochs.get(1));
    assertThat(order.step(3).examples()).isEqualTo(order.step(3).examples());
  }

  @Test
  void holdsOutExactlyTheShareAndLosesNothing() {
    List<Integer> all = IntStream.range(0, 207).boxed().toList();
    Split<Integer> split = Split.holdOut(all, 0.1, 9);
    assertThat(split.validation()).hasSize(21).isSorted();
    assertThat(split.train()).hasSize(186).isSorted().doesNotContainAnyElementsOf(split.validation());
    assertThat(Split.holdOut(all, 0.1, 9)).isEqualTo(split);
    assertThat(Split.holdOut(List.of(1, 2), 0.001, 1).validation()).hasSize(1);
  }
}
