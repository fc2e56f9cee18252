package dev.graft.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.config.Schedule;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {

  @Test
  void warmupStartsAtZeroAndReachesThePeak() {
    var schedule = new LearningRateSchedule(Schedule.CONSTANT, 0.5, 4, 10);
    assertThat(schedule.valueAt(0, 0)).isZero();
    assertThat(schedule.valueAt(1, 0)).isEqualTo(0.125);
    assertThat(schedule.valueAt(4, 0)).isEqualTo(0.5);
    assertThat(schedule.valueAt(9, 0)).isEqualTo(0.5);
  }

  @Test
  void linearFallsToZeroAtTheEnd() {
    var schedule = new LearningRateSchedule(Schedule.LINEAR, 1, 2, 10);
    assertThat(schedule.valueAt(2, 0)).isEqualTo(1);
    assertThat(schedule.valueAt(6, 0)).isEqualTo(0.5);
    assertThat(schedule.valueAt(10, 0)).isZero();
    assertThat(schedule.valueAt(11, 0)).isZero();
  }

  @Test
  void cosineIsHalfwayInTheMiddle() {
    var schedule = new LearningRateSchedule(Schedule.COSINE, 2, 0, 8);
    assertThat(schedule.valueAt(0, 0)).isEqualTo(2);
    assertThat(schedule.valueAt(2, 0)).isCloseTo(1 + Math.sqrt(0.5), within(1e-12));
    assertThat(schedule.valueAt(4, 0)).isCloseTo(1, within(1e-12));
    assertThat(schedule.valueAt(8, 0)).isCloseTo(0, within(1e-12));
  }
}
