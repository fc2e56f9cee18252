package dev.graft.trainer.train;

import dev.graft.trainer.kernels.DelegatingKernels;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

/**
 * Kernels that count what is allocated and allocate nothing. They answer questions as the kernels
 * that they stand for, and compute nothing.
 */
final class PlanningKernels extends DelegatingKernels {

  private static final DeviceBuffer NOWHERE = new DeviceBuffer() {};

  private long bytes;

  /**
   * @param real stays the caller's
   */
  PlanningKernels(Kernels real) {
    super(real);
  }

  @Override
  public Tensor allocate(ElementType type, int rows, int columns) {
    bytes += (long) rows * columns * type.bytes();
    return Tensor.of(NOWHERE, type, rows, columns);
  }

  @Override
  public long allocatedBytes() {
    return bytes;
  }

  /** There is no memory to compute with. */
  @Override
  protected void perform(Work kind, Runnable work) {}

  @Override
  public void close() {}
}
