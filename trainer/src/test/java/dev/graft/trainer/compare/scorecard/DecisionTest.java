package dev.graft.trainer.compare.scorecard;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DecisionTest {

  @Test
  void aProbabilityTooSmallForADoubleIsNotZero() {
    assertThat(Decision.probability(0)).isEqualTo("<1e-99");
    assertThat(Decision.probability(4.1e-93)).isEqualTo("4.1e-93");
    assertThat(Decision.probability(0.0321)).isEqualTo("0.032");
    assertThat(Decision.probability(1)).isEqualTo("1.000");
  }
}
