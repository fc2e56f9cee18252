package dev.graft.trainer.train;

import dev.graft.trainer.kernels.DelegatingKernels;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.LinearProduct;
import dev.graft.trainer.kernels.ProductScratch;
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
  private ProductScratch scratch = ProductScratch.NONE;

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

  /** What products passed by, where theirs is the largest working memory. */
  ProductScratch productScratch() {
    return scratch;
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    count(LinearProduct.FORWARD, x, w, y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    count(LinearProduct.BACKWARD_INPUT, dy, w, dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    count(LinearProduct.BACKWARD_WEIGHT, dy, x, dw, accumulate);
  }

  private void count(LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    scratch = scratch.max(kernels().productScratch(product, a, b, c, accumulate));
  }

  /** Nothing is asked for that could be recorded. */
  @Override
  public void repeat(Object key, Runnable work) {
    work.run();
  }

  /** There is no memory to compute with. */
  @Override
  protected void perform(Work kind, Runnable work) {}

  @Override
  public void close() {}
}
