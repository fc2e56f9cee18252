package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.kernels.host.Workers;
import dev.graft.trainer.kernels.products.ProductLibrary;
import dev.graft.trainer.kernels.products.ProductShape;
import dev.graft.trainer.kernels.vector.Elements;
import dev.graft.trainer.kernels.vector.MatrixVector;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

/**
 * The three products of a linear layer. What the library has no fast code for on this processor
 * (bfloat16 operands without AVX512_BF16, say) is computed in float32: the operands that need it
 * are widened into scratch first, and the result is rounded back.
 */
final class CpuProducts implements AutoCloseable {

  private final ProductLibrary products;
  private final Workers workers;
  private final ProductShape shape = new ProductShape();
  private final Scratch wideA = new Scratch();
  private final Scratch wideB = new Scratch();
  private final Scratch wideC = new Scratch();

  /**
   * @param products closed with these
   */
  CpuProducts(ProductLibrary products, Workers workers) {
    this.products = products;
    this.workers = workers;
  }

  boolean supports(ElementType a, ElementType b, ElementType c) {
    return products.supports(a, b, c);
  }

  /** What multiplies, with which instructions. */
  String describe() {
    return "%s (%s)".formatted(products.name(), products.instructions());
  }

  /** {@code y = x Wᵀ} or {@code y += x Wᵀ}. */
  void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    Expect.shape("w", w, y.columns(), x.columns());
    Expect.shape("y", y, x.rows(), w.rows());
    if (x.rows() <= MatrixVector.ROWS) {
      multiplyFewRows(x, w, y, accumulate);
    } else {
      multiply(x, false, w, true, y, accumulate);
    }
  }

  /** A few rows: reading the weight is all the work there is, and oneDNN is slow at that. */
  private void multiplyFewRows(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    long rows = wideA.reserve(4L * x.size());
    workers.overRows(
        x.rows(), x.columns(), (_, from, to) -> MatrixVector.layOut(x, w, rows, from, to));
    workers.overRows(
        w.rows(),
        w.columns(),
        (scratch, from, to) ->
            MatrixVector.multiply(rows, x.rows(), w, y, accumulate, scratch, from, to));
  }

  /** {@code dx = dy W} or {@code dx += dy W}. */
  void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    Expect.shape("w", w, dy.columns(), dx.columns());
    Expect.shape("dx", dx, dy.rows(), w.columns());
    multiply(dy, false, w, false, dx, accumulate);
  }

  /** {@code dW = dyᵀ x} or {@code dW += dyᵀ x}. */
  void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw, boolean accumulate) {
    Expect.shape("x", x, dy.rows(), dw.columns());
    Expect.shape("dw", dw, dy.columns(), x.columns());
    if (dy.rows() == 0) {
      if (!accumulate) {
        throw new IllegalArgumentException("a weight gradient over no rows");
      }
      return;
    }
    multiply(dy, true, x, false, dw, accumulate);
  }

  /** {@code C = A B} or {@code C += A B}, with A or B read transposed. */
  private void multiply(
      Tensor a, boolean aTransposed, Tensor b, boolean bTransposed, Tensor c, boolean accumulate) {
    if (c.rows() == 0) {
      return;
    }
    int k = aTransposed ? a.rows() : a.columns();
    long aAddress = HostBuffer.address(a);
    long bAddress = HostBuffer.address(b);
    long cAddress = HostBuffer.address(c);
    shape
        .size(c.rows(), c.columns(), k)
        .a(a.type(), aTransposed ? 1 : a.stride(), aTransposed ? a.stride() : 1)
        .b(b.type(), bTransposed ? 1 : b.stride(), bTransposed ? b.stride() : 1)
        .c(c.type(), c.stride(), accumulate);
    if (products.multiply(shape, aAddress, bAddress, cAddress)) {
      return;
    }
    if (a.type() != ElementType.F32) {
      aAddress = widen(a, aAddress, wideA);
      int stride = a.columns();
      shape.a(ElementType.F32, aTransposed ? 1 : stride, aTransposed ? stride : 1);
    }
    long result = cAddress;
    if (c.type() != ElementType.F32) {
      result = wideC.reserve(4L * c.size());
      if (accumulate) {
        convert(c.type(), cAddress, c.stride(), ElementType.F32, result, c.columns(), c);
      }
      shape.c(ElementType.F32, c.columns(), accumulate);
    }
    if (!products.multiply(shape, aAddress, bAddress, result)) {
      bAddress = widen(b, bAddress, wideB);
      int stride = b.columns();
      shape.b(ElementType.F32, bTransposed ? 1 : stride, bTransposed ? stride : 1);
      if (!products.multiply(shape, aAddress, bAddress, result)) {
        throw new IllegalStateException(products.name() + " has no product " + shape);
      }
    }
    if (result != cAddress) {
      convert(ElementType.F32, result, c.columns(), c.type(), cAddress, c.stride(), c);
    }
  }

  private long widen(Tensor tensor, long address, Scratch scratch) {
    long wide = scratch.reserve(4L * tensor.size());
    convert(
        tensor.type(), address, tensor.stride(), ElementType.F32, wide, tensor.columns(), tensor);
    return wide;
  }

  private void convert(
      ElementType from,
      long source,
      long sourceStride,
      ElementType to,
      long target,
      long targetStride,
      Tensor shaped) {
    workers.overRows(
        shaped.rows(),
        shaped.columns(),
        (_, first, end) -> {
          for (int row = first; row < end; row++) {
            Elements.convert(
                from,
                source + row * sourceStride * from.bytes(),
                to,
                target + row * targetStride * to.bytes(),
                shaped.columns());
          }
        });
  }

  @Override
  public void close() {
    products.close();
    wideA.close();
    wideB.close();
    wideC.close();
  }
}
