package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.kernels.LinearProduct;
import dev.graft.trainer.kernels.ProductScratch;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.kernels.host.Workers;
import dev.graft.trainer.kernels.products.ProductLibrary;
import dev.graft.trainer.kernels.products.ProductShape;
import dev.graft.trainer.kernels.vector.Elements;
import dev.graft.trainer.kernels.vector.MatrixVector;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.OptionalLong;

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
      multiply(LinearProduct.FORWARD, x, w, y, accumulate);
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
    multiply(LinearProduct.BACKWARD_INPUT, dy, w, dx, accumulate);
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
    multiply(LinearProduct.BACKWARD_WEIGHT, dy, x, dw, accumulate);
  }

  /**
   * {@code C = A B} or {@code C += A B}. What the library does not read or write as it is goes
   * through float32: first A and C, which are small, and only then B.
   */
  private void multiply(LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    if (c.rows() == 0) {
      return;
    }
    long aAddress = HostBuffer.address(a);
    long bAddress = HostBuffer.address(b);
    long cAddress = HostBuffer.address(c);
    describe(product, a, b, c, accumulate);
    if (products.multiply(shape, aAddress, bAddress, cAddress)) {
      return;
    }
    long wideAddress = a.type() == ElementType.F32 ? aAddress : widen(a, aAddress, wideA);
    long result = cAddress;
    if (c.type() != ElementType.F32) {
      result = wideC.reserve(4L * c.size());
      if (accumulate) {
        convert(c.type(), cAddress, c.stride(), ElementType.F32, result, c.columns(), c);
      }
    }
    describeWideAC(product, a, c, accumulate);
    if (!products.multiply(shape, wideAddress, bAddress, result)) {
      describeWideB(product, b);
      if (!products.multiply(shape, wideAddress, widen(b, bAddress, wideB), result)) {
        throw new IllegalStateException(products.name() + " has no product " + shape);
      }
    }
    if (result != cAddress) {
      convert(ElementType.F32, result, c.columns(), c.type(), cAddress, c.stride(), c);
    }
  }

  /** What {@link #multiply} needs beside the operands. */
  ProductScratch scratch(LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    if (c.rows() == 0) {
      return ProductScratch.NONE;
    }
    describe(product, a, b, c, accumulate);
    OptionalLong library = products.scratchBytes(shape);
    if (library.isPresent()) {
      return new ProductScratch(0, 0, 0, library.getAsLong());
    }
    describeWideAC(product, a, c, accumulate);
    library = products.scratchBytes(shape);
    boolean widensB = library.isEmpty();
    if (widensB) {
      describeWideB(product, b);
      library = products.scratchBytes(shape);
    }
    return new ProductScratch(
        a.type() == ElementType.F32 ? 0 : 4L * a.size(),
        widensB ? 4L * b.size() : 0,
        c.type() == ElementType.F32 ? 0 : 4L * c.size(),
        library.orElse(0));
  }

  /** Operands as they are. */
  private void describe(LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    shape.size(c.rows(), c.columns(), product.transposesA() ? a.rows() : a.columns());
    describeA(product, a.type(), a.stride());
    describeB(product, b.type(), b.stride());
    shape.c(c.type(), c.stride(), accumulate);
  }

  private void describeWideAC(LinearProduct product, Tensor a, Tensor c, boolean accumulate) {
    if (a.type() != ElementType.F32) {
      describeA(product, ElementType.F32, a.columns());
    }
    if (c.type() != ElementType.F32) {
      shape.c(ElementType.F32, c.columns(), accumulate);
    }
  }

  private void describeWideB(LinearProduct product, Tensor b) {
    describeB(product, ElementType.F32, b.columns());
  }

  private void describeA(LinearProduct product, ElementType type, long stride) {
    shape.a(type, product.transposesA() ? 1 : stride, product.transposesA() ? stride : 1);
  }

  private void describeB(LinearProduct product, ElementType type, long stride) {
    shape.b(type, product.transposesB() ? 1 : stride, product.transposesB() ? stride : 1);
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
