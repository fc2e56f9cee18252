package dev.graft.trainer.bench;

import java.util.EnumMap;
import java.util.Map;

/** Time, calls and floating-point operations of each {@link Operation}, added up. */
final class Tallies {

  /** Those of one operation. */
  private static final class Tally {
    private long nanos;
    private long calls;
    private long flops;
  }

  private final Map<Operation, Tally> tallies = new EnumMap<>(Operation.class);

  Tallies() {
    for (Operation operation : Operation.values()) {
      tallies.put(operation, new Tally());
    }
  }

  private Tally of(Operation operation) {
    Tally tally = tallies.get(operation);
    if (tally == null) {
      throw new IllegalStateException("no tally of " + operation);
    }
    return tally;
  }

  /** Books one call. */
  void add(Operation operation, long nanos, long flops) {
    Tally tally = of(operation);
    tally.nanos += nanos;
    tally.calls++;
    tally.flops += flops;
  }

  /** Books time that no call took. */
  void addTime(Operation operation, long nanos) {
    of(operation).nanos += nanos;
  }

  /** Books all that others booked. */
  void add(Tallies others) {
    for (Operation operation : Operation.values()) {
      Tally from = others.of(operation);
      Tally to = of(operation);
      to.nanos += from.nanos;
      to.calls += from.calls;
      to.flops += from.flops;
    }
  }

  /** Forgets everything. */
  void clear() {
    for (Operation operation : Operation.values()) {
      tallies.put(operation, new Tally());
    }
  }

  /** Time in an operation, in ns. */
  long nanos(Operation operation) {
    return of(operation).nanos;
  }

  /** How often it was called. */
  long calls(Operation operation) {
    return of(operation).calls;
  }

  /** Floating-point operations, 0 for what is no matrix product. */
  long flops(Operation operation) {
    return of(operation).flops;
  }

  /** Time in all operations, in ns. */
  long totalNanos() {
    return tallies.values().stream().mapToLong(tally -> tally.nanos).sum();
  }

  /** Calls of all operations. */
  long totalCalls() {
    return tallies.values().stream().mapToLong(tally -> tally.calls).sum();
  }
}
