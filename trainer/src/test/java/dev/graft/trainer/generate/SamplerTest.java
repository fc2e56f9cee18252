package dev.graft.trainer.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SamplerTest {

  private static final float[] LOGITS = {
    (float) Math.log(0.1), (float) Math.log(0.4), (float) Math.log(0.2), (float) Math.log(0.3)
  };

  @Test
  void greedyTakesTheFirstOfTheLargest() {
    assertThat(Sampler.greedy().next(LOGITS)).isEqualTo(1);
    assertThat(Sampler.greedy().next(new float[] {2, 5, 5})).isEqualTo(1);
  }

  @Test
  void drawsAsOftenAsTheProbabilitiesSay() {
    double[] shares = shares(new Sampler(1, 1, 3));
    assertThat(shares[0]).isCloseTo(0.1, within(0.01));
    assertThat(shares[1]).isCloseTo(0.4, within(0.01));
    assertThat(shares[2]).isCloseTo(0.2, within(0.01));
  }

  @Test
  void temperatureSharpens() {
    // Probabilities are squared and normalised: 1, 16, 4, 9 of 30.
    assertThat(shares(new Sampler(0.5, 1, 3))[1]).isCloseTo(16 / 30.0, within(0.01));
  }

  @Test
  void nucleusIsTheSmallestSetThatReachesTopP() {
    double[] shares = shares(new Sampler(1, 0.65, 3));
    assertThat(shares[0]).isZero();
    assertThat(shares[2]).isZero();
    assertThat(shares[1]).isCloseTo(4 / 7.0, within(0.01));
  }

  @Test
  void seedsRepeat() {
    Sampler one = new Sampler(1, 0.9, 4);
    Sampler other = new Sampler(1, 0.9, 4);
    for (int i = 0; i < 100; i++) {
      assertThat(one.next(LOGITS)).isEqualTo(other.next(LOGITS));
    }
  }

  @Test
  void refusesWhatIsNoProbability() {
    assertThatThrownBy(() -> new Sampler(-1, 1, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Sampler(1, 0, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Sampler(1, 1.5, 0)).isInstanceOf(IllegalArgumentException.class);
  }

  private static double[] shares(Sampler sampler) {
    int draws = 20_000;
    double[] shares = new double[LOGITS.length];
    for (int i = 0; i < draws; i++) {
      shares[sampler.next(LOGITS)] += 1.0 / draws;
    }
    return shares;
  }
}
