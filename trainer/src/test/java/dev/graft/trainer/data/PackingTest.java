package dev.graft.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.model.TokenBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PackingTest {

  private static TokenSequence sequence(int length, int first) {
    int[] ids = IntStream.range(first, first + length).toArray();
    boolean[] target = new boolean[length];
    Arrays.fill(target, true);
    return new TokenSequence(ids, target, Origin.MEMORY);
  }

  private static EpochOrder wholeAsOneStep(List<TokenSequence> sequences, Packing packing) {
    return new EpochOrder(sequences, sequences.size(), false, 0, packing, 0);
  }

  /** Lengths between 2 and 601 tokens; no two sequences share an id. */
  private static List<TokenSequence> manySequences(int count) {
    Random random = new Random(7);
    List<TokenSequence> sequences = new ArrayList<>();
    int next = 0;
    for (int i = 0; i < count; i++) {
      int length = 2 + random.nextInt(600);
      sequences.add(sequence(length, next));
      next += length;
    }
    return sequences;
  }

  @Test
  void theLongestGoFirstAndEachWhereItFitsTightest() {
    List<TokenSequence> sequences =
        List.of(sequence(7, 0), sequence(5, 10), sequence(3, 20), sequence(12, 30));
    List<TokenBatch> bins = new Packing(10, true).pack(sequences);
    assertThat(bins).extracting(TokenBatch::tokens).containsExactly(12, 10, 5);
    TokenBatch first = bins.get(1);
    assertThat(first.ids()).containsExactly(0, 1, 2, 3, 4, 5, 6, 20, 21, 22);
    assertThat(first.segmentStarts()).containsExactly(0, 0, 0, 0, 0, 0, 0, 7, 7, 7);
    assertThat(first.positions()).containsExactly(0, 1, 2, 3, 4, 5, 6, 0, 1, 2);
    assertThat(first.predictingRows()).containsExactly(0, 1, 2, 3, 4, 5, 7, 8);
    assertThat(first.targets()).containsExactly(1, 2, 3, 4, 5, 6, 21, 22);
  }

  @Test
  void everySequenceIsLaidOutOnceAndMicroBatchesAreNearlyFull() {
    List<TokenSequence> sequences = manySequences(207);
    int next = sequences.stream().mapToInt(TokenSequence::length).sum();
    Packing packing = new Packing(1024, true);
    List<TokenBatch> bins = packing.pack(sequences);
    List<Integer> ids = new ArrayList<>();
    bins.forEach(bin -> Arrays.stream(bin.ids()).forEach(ids::add));
    assertThat(ids).hasSize(next).doesNotHaveDuplicates();
    assertThat(bins).allMatch(bin -> bin.tokens() <= 1024);
    Packing.Fullness fullness = wholeAsOneStep(sequences, packing).fullness();
    assertThat(fullness.tokens()).isEqualTo(next);
    assertThat(fullness.microBatches()).isEqualTo(bins.size());
    assertThat(fullness.share()).isEqualTo(next / (1024.0 * bins.size())).isGreaterThan(0.98);
    assertThat(packing.pack(sequences)).usingRecursiveComparison().isEqualTo(bins);
  }

  @Test
  void aSequenceBeyondTheLimitFillsItsOwnMicroBatch() {
    Packing.Fullness fullness =
        wholeAsOneStep(List.of(sequence(25, 0), sequence(5, 30)), new Packing(10, true)).fullness();
    assertThat(fullness).isEqualTo(new Packing.Fullness(2, 30, 35));
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
    EpochOrder order = new EpochOrder(examples, 7, true, 5, new Packing(100, true), 0);
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
  void aWindowOfShuffledExamplesFillsTheMicroBatchesOfSmallSteps() {
    List<TokenSequence> examples = manySequences(1207);
    Packing packing = new Packing(1024, true);
    EpochOrder alone = new EpochOrder(examples, 8, true, 5, packing, 0);
    EpochOrder together = new EpochOrder(examples, 8, true, 5, packing, 256);
    assertThat(alone.fullness().share()).isLessThan(0.85);
    assertThat(together.fullness().share()).isGreaterThan(0.97);
    assertThat(together.stepsPerEpoch()).isEqualTo(alone.stepsPerEpoch());
    for (int epoch = 0; epoch < 2; epoch++) {
      List<Integer> seen = new ArrayList<>();
      List<Integer> sizes = new ArrayList<>();
      for (int i = 0; i < together.stepsPerEpoch(); i++) {
        StepBatch step = together.step(epoch * together.stepsPerEpoch() + i);
        assertThat(step.microBatches()).hasSizeBetween(2, 3);
        assertThat(step.tokens())
            .isEqualTo(step.examples().stream().mapToInt(e -> examples.get(e).length()).sum());
        seen.addAll(step.examples());
        sizes.add(step.examples().size());
      }
      assertThat(seen).hasSize(1207).doesNotHaveDuplicates();
      // A window's last micro-batch holds what is left: many short examples.
      assertThat(sizes.stream().filter(size -> size >= 5 && size <= 11).count())
          .isGreaterThan(sizes.size() * 9 / 10);
    }
    assertThat(together.step(0).examples()).isNotEqualTo(together.step(151).examples());
    assertThat(new EpochOrder(examples, 8, true, 5, packing, 256).step(170).examples())
        .isEqualTo(together.step(170).examples());
  }

  @Test
  void whereAMicroBatchHoldsMoreThanAStepsExamplesStepsStayExact() {
    List<TokenSequence> examples = manySequences(31);
    EpochOrder order = new EpochOrder(examples, 2, true, 5, new Packing(8192, true), 256);
    for (int i = 0; i < 15; i++) {
      assertThat(order.step(i).examples()).hasSize(2);
    }
    assertThat(order.step(15).examples()).hasSize(1);
  }

  @Test
  void withoutShufflingTheOrderOfTheDataStays() {
    List<TokenSequence> examples = manySequences(31);
    EpochOrder order = new EpochOrder(examples, 7, false, 5, new Packing(1024, true), 256);
    assertThat(order.step(1).examples()).containsExactlyInAnyOrder(7, 8, 9, 10, 11, 12, 13);
  }
}
