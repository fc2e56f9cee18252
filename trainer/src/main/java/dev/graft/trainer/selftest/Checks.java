package dev.graft.trainer.selftest;

import java.util.List;
import java.util.stream.Stream;

/** All that kernels have to do. */
public final class Checks {

  private Checks() {}

  /** From what everything else is built on to what is built of it. */
  public static List<Check> all() {
    return Stream.of(
            MemoryChecks.all(),
            MovingChecks.all(),
            ProductChecks.all(),
            MagnitudeChecks.all(),
            LayerChecks.all(),
            AttentionChecks.all(),
            UpdateChecks.all(),
            RepeatChecks.all())
        .flatMap(List::stream)
        .toList();
  }
}
