package dev.graft.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MixtureTest {

  private static final Mixture MIXTURE =
      new Mixture(
          List.of(
              new Mixture.Source("a", 0, 10, 1),
              new Mixture.Source("b", 10, 50, 0.25),
              new Mixture.Source("c", 50, 54, 2.5)));

  @Test
  void everySourceIsDrawnAsOftenAsItsWeightSays() {
    assertThat(MIXTURE.draws()).isEqualTo(10 + 10 + 10);
    for (boolean shuffle : new boolean[] {false, true}) {
      for (int epoch = 0; epoch < 5; epoch++) {
        int[] drawn = MIXTURE.epoch(epoch, shuffle, 7);
        assertThat(Arrays.stream(drawn).filter(i -> i < 10)).hasSize(10).doesNotHaveDuplicates();
        assertThat(Arrays.stream(drawn).filter(i -> i >= 10 && i < 50)).hasSize(10);
        for (int example = 50; example < 54; example++) {
          int wanted = example;
          assertThat(Arrays.stream(drawn).filter(i -> i == wanted).count()).isBetween(2L, 3L);
        }
      }
    }
  }

  @Test
  void epochsGoOnWhereTheOneBeforeEnded() {
    for (boolean shuffle : new boolean[] {false, true}) {
      Set<Integer> seen = new HashSet<>();
      int[] times = new int[54];
      for (int epoch = 0; epoch < 4; epoch++) {
        for (int drawn : MIXTURE.epoch(epoch, shuffle, 3)) {
          seen.add(drawn);
          times[drawn]++;
        }
      }
      assertThat(seen).hasSize(54);
      assertThat(IntStream.range(10, 50).map(i -> times[i])).containsOnly(1);
      assertThat(IntStream.range(50, 54).map(i -> times[i])).containsOnly(10);
    }
  }

  @Test
  void theSeedDecides() {
    assertThat(MIXTURE.epoch(1, true, 5)).isEqualTo(MIXTURE.epoch(1, true, 5));
    assertThat(MIXTURE.epoch(1, true, 5)).isNotEqualTo(MIXTURE.epoch(1, true, 6));
    assertThat(MIXTURE.epoch(1, true, 5)).isNotEqualTo(MIXTURE.epoch(2, true, 5));
    assertThat(Mixture.once(4).epoch(9, true, 1)).containsExactly(0, 1, 2, 3);
  }

  @Test
  void aSmallSourceIsDrawnOnceAtLeastAndTheLogSaysSo() {
    Mixture tiny =
        new Mixture(List.of(new Mixture.Source("t", 0, 3, 0.01), new Mixture.Source("u", 3, 6, 1)));
    assertThat(tiny.draws()).isEqualTo(4);
    assertThat(tiny.describe())
        .containsExactly(
            "t: 3 examples x 0.01 = 1 an epoch (25.0 % of it)",
            "u: 3 examples x 1.0 = 3 an epoch (75.0 % of it)");
    assertThat(Mixture.once(5).describe()).isEmpty();
  }
}
