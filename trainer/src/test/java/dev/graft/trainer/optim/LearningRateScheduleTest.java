package dev.graft.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.config.DecayShape;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.config.ScheduleShape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The expected rates are the definitions of transformers' {@code optimization.py}, written out:
 * {@code get_linear_schedule_with_warmup}, {@code get_cosine_with_min_lr_schedule_with_warmup},
 * {@code get_cosine_with_hard_restarts_schedule_with_warmup}, {@code
 * get_polynomial_decay_schedule_with_warmup} and {@code get_wsd_schedule}.
 */
class LearningRateScheduleTest {

  private static final double PEAK = 3e-4;

  /** A rate as a function of step k, warmup w and length n. */
  private interface Definition {
    double rate(double k, double w, double n);
  }

  private static void assertIs(ScheduleShape shape, Definition definition) {
    int[][] lengths = {{1, 0}, {7, 2}, {31, 0}, {31, 30}, {207, 31}, {208, 0}};
    for (int[] length : lengths) {
      int n = length[0];
      int w = length[1];
      var schedule = new LearningRateSchedule(shape, PEAK, w, n);
      // Runs that were made longer by a resumption ask for steps beyond the end.
      for (int k = 0; k <= n + 2; k++) {
        assertThat(schedule.valueAt(k, 0))
            .as("%s, step %d of %d, warmup %d", shape, k, n, w)
            .isCloseTo(definition.rate(k, w, n), within(1e-15));
      }
    }
  }

  private static ScheduleShape shape(Schedule kind, double floor) {
    return new ScheduleShape(kind, floor, 1, 1, 0.1, DecayShape.COSINE);
  }

  @Test
  void constant() {
    assertIs(shape(Schedule.CONSTANT, 0), (k, w, n) -> k < w ? PEAK * k / w : PEAK);
  }

  @Test
  void linear() {
    assertIs(
        shape(Schedule.LINEAR, 0),
        (k, w, n) -> k < w ? PEAK * k / w : Math.max(0, PEAK * (n - k) / Math.max(1, n - w)));
  }

  @Test
  void linearToAFloor() {
    // From the peak straight to a tenth of it.
    assertIs(
        shape(Schedule.LINEAR, 0.1),
        (k, w, n) -> {
          double x = Math.min(1, (k - w) / Math.max(1, n - w));
          return k < w ? PEAK * k / w : PEAK - 0.9 * PEAK * x;
        });
  }

  @ParameterizedTest
  @CsvSource({"0", "0.1", "1"})
  void cosine(double floor) {
    assertIs(
        shape(Schedule.COSINE, floor),
        (k, w, n) -> {
          if (k < w) {
            return PEAK * k / w;
          }
          double progress = (k - w) / Math.max(1, n - w);
          double factor = 0.5 * (1.0 + Math.cos(Math.PI * 0.5 * 2.0 * progress));
          return PEAK * Math.max(0, factor * (1 - floor) + floor);
        });
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3", "7"})
  void cosineWithRestarts(int cycles) {
    ScheduleShape shape =
        new ScheduleShape(Schedule.COSINE_RESTARTS, 0, cycles, 1, 0.1, DecayShape.COSINE);
    assertIs(
        shape,
        (k, w, n) -> {
          if (k < w) {
            return PEAK * k / w;
          }
          double progress = (k - w) / Math.max(1, n - w);
          if (progress >= 1) {
            return 0;
          }
          double within = cycles * progress - Math.floor(cycles * progress);
          return PEAK * 0.5 * (1 + Math.cos(Math.PI * within));
        });
  }

  @Test
  void restartsReturnToThePeak() {
    ScheduleShape shape =
        new ScheduleShape(Schedule.COSINE_RESTARTS, 0.5, 3, 1, 0.1, DecayShape.COSINE);
    var schedule = new LearningRateSchedule(shape, 1, 0, 12);
    assertThat(schedule.valueAt(4, 0)).isEqualTo(1);
    assertThat(schedule.valueAt(8, 0)).isEqualTo(1);
    assertThat(schedule.valueAt(12, 0)).isEqualTo(0.5);
    assertThat(schedule.valueAt(6, 0)).isCloseTo(0.75, within(1e-15));
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "2, 0.01", "0.5, 0.2", "3, 0"})
  void polynomial(double power, double floor) {
    ScheduleShape shape =
        new ScheduleShape(Schedule.POLYNOMIAL, floor, 1, power, 0.1, DecayShape.COSINE);
    double end = floor * PEAK;
    assertIs(
        shape,
        (k, w, n) -> {
          if (k < w) {
            return PEAK * k / w;
          } else if (k > n) {
            return end;
          }
          double remaining = 1 - (k - w) / (n - w);
          return (PEAK - end) * Math.pow(remaining, power) + end;
        });
  }

  @ParameterizedTest
  @CsvSource({
    "LINEAR, 0.1, 0",
    "COSINE, 0.2, 0",
    "ONE_MINUS_SQRT, 0.25, 0",
    "LINEAR, 0.5, 0.1",
    "COSINE, 0.01, 0.05",
    "ONE_MINUS_SQRT, 1, 0.3"
  })
  void warmupStableDecay(DecayShape decayShape, double ratio, double floor) {
    ScheduleShape shape = new ScheduleShape(Schedule.WSD, floor, 1, 1, ratio, decayShape);
    assertIs(
        shape,
        (k, w, n) -> {
          // A share of all steps, at least one; it gives way to the warmup.
          double decay = Math.min(Math.max(1, Math.floor(ratio * n + 0.5)), n - w);
          double stable = n - w - decay;
          double factor;
          if (k < w) {
            factor = k / w;
          } else if (k < w + stable) {
            return PEAK;
          } else if (k < n) {
            double progress = (k - w - stable) / decay;
            factor =
                switch (decayShape) {
                  case LINEAR -> 1.0 - progress;
                  case COSINE -> 0.5 * (1.0 + Math.cos(Math.PI * progress));
                  case ONE_MINUS_SQRT -> 1.0 - Math.sqrt(progress);
                };
          } else {
            factor = 0;
          }
          return PEAK * (factor * (1.0 - floor) + floor);
        });
  }

  @Test
  void whereTheWarmupIsLongerThanTheRunTheRateOnlyRises() {
    for (Schedule kind : Schedule.values()) {
      var schedule = new LearningRateSchedule(kind, 1, 10, 7);
      assertThat(schedule.neverReachesPeak()).isTrue();
      for (int k = 0; k < 7; k++) {
        assertThat(schedule.valueAt(k, 0)).as("%s, step %d", kind, k).isEqualTo(k / 10.0);
      }
    }
    assertThat(new LearningRateSchedule(Schedule.COSINE, 1, 6, 7).neverReachesPeak()).isFalse();
  }
}
