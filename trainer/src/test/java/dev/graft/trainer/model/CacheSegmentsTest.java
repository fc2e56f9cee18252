package dev.graft.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class CacheSegmentsTest {

  @Test
  void theFirstRunThatIsLongEnough() {
    var segments = new CacheSegments(20);
    assertThat(segments.take(5)).isEqualTo(0);
    assertThat(segments.take(7)).isEqualTo(5);
    assertThat(segments.take(8)).isEqualTo(12);
    assertThat(segments.take(1)).isEqualTo(CacheSegments.NONE);
    segments.give(5);
    assertThat(segments.take(8)).isEqualTo(CacheSegments.NONE);
    assertThat(segments.take(3)).isEqualTo(5);
    assertThat(segments.take(4)).isEqualTo(8);
    segments.give(0);
    assertThat(segments.take(5)).isEqualTo(0);
  }

  @Test
  void neighboursThatAreFreeAreOneRun() {
    var segments = new CacheSegments(10);
    segments.take(4);
    segments.take(4);
    segments.give(0);
    segments.give(4);
    assertThat(segments.take(10)).isEqualTo(0);
    assertThatThrownBy(() -> segments.give(4)).isInstanceOf(IllegalStateException.class);
  }
}
