package dev.graft.trainer.bench;

import dev.graft.trainer.kernels.DelegatingKernels;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * Other kernels, with a stopwatch around each operation. Two readings of the clock an operation: 50
 * ns or so against the milliseconds of a product, see {@link #clockNanos}.
 */
final class TimedKernels extends DelegatingKernels {

  // What weight() gave out: products with anything else are the adapters'.
  private final Set<DeviceBuffer> base = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Tallies tallies = new Tallies();

  TimedKernels(Kernels kernels) {
    super(kernels);
  }

  // ---- what was measured ----

  /** What was booked since {@link #reset}. */
  Tallies tallies() {
    return tallies;
  }

  /** Forgets all times. */
  void reset() {
    tallies.clear();
  }

  /** What measuring one call costs, in ns, found by measuring nothing often. */
  static double clockNanos() {
    int times = 200_000;
    long sum = 0;
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      long before = System.nanoTime();
      sum += before - System.nanoTime();
    }
    long end = System.nanoTime();
    // The sum is 0 or less and only keeps the loop alive.
    return (end - start + Math.min(0, Math.signum((float) sum) - 1)) / (double) times;
  }

  private void done(Operation operation, long start) {
    tallies.add(operation, System.nanoTime() - start, 0);
  }

  private void product(Operation operation, Tensor x, Tensor y, Runnable work) {
    long start = System.nanoTime();
    work.run();
    tallies.add(operation, System.nanoTime() - start, 2L * x.size() * y.columns());
  }

  // ---- the kernels ----

  @Override
  protected void perform(Work kind, Runnable work) {
    long start = System.nanoTime();
    work.run();
    done(operation(kind), start);
  }

  private static Operation operation(Work kind) {
    return switch (kind) {
      case HOST -> Operation.HOST;
      case PRODUCT -> throw new IllegalArgumentException("products are told apart by weight");
      case ATTENTION -> Operation.ATTENTION;
      case ATTENTION_BACKWARD -> Operation.ATTENTION_BACKWARD;
      case CACHED_ATTENTION -> Operation.CACHED_ATTENTION;
      case RMS_NORM -> Operation.RMS_NORM;
      case RMS_NORM_BACKWARD -> Operation.RMS_NORM_BACKWARD;
      case ROPE -> Operation.ROPE;
      case SWIGLU -> Operation.SWIGLU;
      case SWIGLU_BACKWARD -> Operation.SWIGLU_BACKWARD;
      case CROSS_ENTROPY -> Operation.CROSS_ENTROPY;
      case DROPOUT -> Operation.DROPOUT;
      case NOISE -> Operation.NOISE;
      case MOVING -> Operation.MOVING;
    };
  }

  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    Tensor weight = super.weight(type, rows, columns, bytes);
    base.add(weight.buffer());
    return weight;
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    boolean frozen = base.contains(w.buffer());
    product(
        frozen ? Operation.BASE_FORWARD : Operation.ADAPTER_FORWARD,
        x,
        y,
        () -> kernels().linear(x, w, y, accumulate));
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    boolean frozen = base.contains(w.buffer());
    product(
        frozen ? Operation.BASE_BACKWARD : Operation.ADAPTER_BACKWARD,
        dy,
        dx,
        () -> kernels().linearBackwardInput(dy, w, dx, accumulate));
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    product(
        Operation.ADAPTER_GRADIENT,
        dy,
        x,
        () -> kernels().linearBackwardWeight(dy, x, dw, accumulate));
  }
}
