package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PhiloxTest {

  @Test
  void givesThePublishedAnswers() {
    // The three known answers for philox4x32, 10 rounds, published with Random123.
    assertThat(draw(0, 0, 0)).containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertThat(draw(-1, -1, -1)).containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertThat(draw(0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0x0370734413198a2eL))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  @Test
  void aMaskIsKeyedBySeedStepAndPlace() {
    int[] expected = draw(42, 7, (3L << 32) | 5);
    int[] lanes = new int[4];
    Philox.lanes(new DropoutMask(0.1f, 42, 3, 5), 7, lanes);
    assertThat(lanes).isEqualTo(expected);
  }

  @Test
  void theThresholdIsExact() {
    assertThat(Philox.keepThreshold(0)).isZero();
    assertThat(Philox.keepThreshold(0.5f)).isEqualTo(1L << 31);
    assertThat(Philox.keeps(0, Philox.keepThreshold(0))).isTrue();
    assertThat(Philox.keeps(0x7fffffff, 1L << 31)).isFalse();
    assertThat(Philox.keeps(0x80000000, 1L << 31)).isTrue();
    // Below one step of 2^-32 only the number zero is dropped.
    assertThat(Philox.keepThreshold(0x1p-40f)).isEqualTo(1);
  }

  private static int[] draw(long key, long low, long high) {
    int[] out = new int[4];
    Philox.block(key, low, high, out);
    return out;
  }
}
