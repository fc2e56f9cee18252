package dev.graft.trainer.bench;

import dev.graft.trainer.kernels.DelegatingKernels;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Other kernels, with a stopwatch around each operation. Two readings of the clock an operation: 50
 * ns or so against the milliseconds of a product, see {@link #clockNanos}.
 *
 * <p>Where operations return before they are done, each would have to be waited for, and nothing
 * could be repeated from a recording. There, nothing is booked but in {@link #booked}.
 */
final class TimedKernels extends DelegatingKernels {

  // What weight() gave out: products with anything else are the adapters'.
  private final Set<DeviceBuffer> base = Collections.newSetFromMap(new IdentityHashMap<>());
  // By where the bytes lie: raw products and model share what a device has to copy.
  private final Map<Long, Tensor> weights = new HashMap<>();
  private final Tallies tallies = new Tallies();
  private boolean books;

  TimedKernels(Kernels kernels) {
    super(kernels);
    this.books = !kernels.returnsEarly();
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

  /**
   * Does some work with every operation waited for and booked, and nothing else.
   *
   * @return the seconds it took
   */
  double booked(Runnable work) {
    boolean before = books;
    reset();
    books = true;
    try {
      return Clock.seconds(this, work);
    } finally {
      books = before;
    }
  }

  /** What measuring one call costs, in ns, found by measuring nothing often. */
  double clockNanos() {
    int times = kernels().returnsEarly() ? 1_000 : 200_000;
    long sum = 0;
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      long before = System.nanoTime();
      kernels().finish();
      sum += before - System.nanoTime();
    }
    long end = System.nanoTime();
    // The sum is 0 or less and only keeps the loop alive.
    return (end - start + Math.min(0, Math.signum((float) sum) - 1)) / (double) times;
  }

  private void product(Operation operation, Tensor x, Tensor y, Runnable work) {
    time(operation, 2L * x.size() * y.columns(), work);
  }

  private void time(Operation operation, long flops, Runnable work) {
    if (!books) {
      work.run();
      return;
    }
    long start = System.nanoTime();
    work.run();
    kernels().finish();
    tallies.add(operation, System.nanoTime() - start, flops);
  }

  // ---- the kernels ----

  @Override
  protected void perform(Work kind, Runnable work) {
    time(operation(kind), 0, work);
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
      case UPDATE -> Operation.UPDATE;
    };
  }

  @Override
  public Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    return weights.computeIfAbsent(
        bytes.address(),
        _ -> {
          Tensor weight = super.weight(type, rows, columns, bytes);
          base.add(weight.buffer());
          return weight;
        });
  }

  /** What is booked was not recorded: it has to be asked for. */
  @Override
  public void repeat(Object key, Runnable work) {
    if (books) {
      work.run();
    } else {
      super.repeat(key, work);
    }
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
