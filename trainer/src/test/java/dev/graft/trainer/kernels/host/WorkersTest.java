package dev.graft.trainer.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WorkersTest {

  private static final long LARGE = 1 << 20;

  @Test
  void everyRowIsComputedOnceWhateverTheThreads() {
    for (int threads : new int[] {1, 2, 5}) {
      try (Workers workers = new Workers(threads)) {
        assertThat(workers.threads()).isEqualTo(threads);
        // Many short loops behind each other: a worker that is late must not touch the next one.
        for (int count = 0; count < 2000; count++) {
          AtomicIntegerArray seen = new AtomicIntegerArray(count);
          workers.overRows(count, LARGE, (_, from, to) -> mark(seen, from, to));
          checkAllOnes(seen);
          AtomicIntegerArray items = new AtomicIntegerArray(count % 37);
          workers.overItems(count % 37, (_, from, to) -> mark(items, from, to));
          checkAllOnes(items);
        }
      }
    }
  }

  private static void mark(AtomicIntegerArray seen, int from, int to) {
    for (int i = from; i < to; i++) {
      seen.incrementAndGet(i);
    }
  }

  private static void checkAllOnes(AtomicIntegerArray seen) {
    for (int i = 0; i < seen.length(); i++) {
      if (seen.get(i) != 1) {
        assertThat(seen.get(i)).as("row %d of %d", i, seen.length()).isEqualTo(1);
      }
    }
  }

  @Test
  void smallLoopsStayOnTheCallingThread() {
    try (Workers workers = new Workers(3)) {
      Thread caller = Thread.currentThread();
      workers.overRows(100, 10, (_, _, _) -> assertThat(Thread.currentThread()).isSameAs(caller));
    }
  }

  @Test
  void aFailureReachesTheCallerAndThePoolGoesOn() {
    try (Workers workers = new Workers(3)) {
      for (int round = 0; round < 50; round++) {
        assertThatThrownBy(() ->
                workers.overRows(
                    100,
                    LARGE,
                    (_, from, to) -> {
                      if (from <= 57 && 57 < to) {
                        throw new IndexOutOfBoundsException("row 57");
                      }
                    }))
            .isInstanceOf(IndexOutOfBoundsException.class)
            .hasMessage("row 57");
        int[] sums = new int[100];
        workers.overRows(
            100,
            LARGE,
            (_, from, to) -> {
              for (int i = from; i < to; i++) {
                sums[i] = i;
              }
            });
        assertThat(IntStream.of(sums).sum()).isEqualTo(4950);
      }
    }
  }

  @Test
  void scratchGrowsAndStays() {
    try (Scratch scratch = new Scratch()) {
      long small = scratch.reserve(100);
      assertThat(small % 64).isZero();
      long large = scratch.reserve(1_000_000);
      assertThat(scratch.capacity()).isEqualTo(1 << 20);
      assertThat(scratch.reserve(999)).isEqualTo(large);
      Memory.putFloat(large + 999_996, 1);
      assertThat(Memory.getFloat(large + 999_996)).isEqualTo(1);
    }
  }
}
