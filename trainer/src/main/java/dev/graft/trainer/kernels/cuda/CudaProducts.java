package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.LinearProduct;
import dev.graft.trainer.kernels.cuda.binding.CublasLt;
import dev.graft.trainer.kernels.cuda.binding.CublasLt.Matrix;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Matrix products: by cuBLASLt with the algorithm that it thinks best for the shape, asked once; by
 * a plain kernel of our own where it has none.
 *
 * <p>cuBLASLt is column-major: a row-major matrix is the transpose of what it sees, so that {@code
 * C = A B} is asked for as {@code Cᵀ = Bᵀ Aᵀ}, with the operands in the other order.
 */
final class CudaProducts implements AutoCloseable {

  /** What NVIDIA advises for Hopper; less loses algorithms, more was of no use. */
  static final long WORKSPACE_BYTES = 32 << 20;

  /** Vector loads reach no further than this. */
  private static final int MOST_ALIGNMENT = 256;

  private static final int TILE = 64;
  private static final int TILE_THREADS = 256;

  /**
   * What an algorithm is chosen by.
   *
   * @param k what is summed over
   */
  private record Shape(
      LinearProduct product, int m, int n, int k, Operand a, Operand b, Operand c) {}

  private record Operand(ElementType type, int stride, int alignment) {
    static Operand of(Tensor tensor) {
      long address = CudaBuffer.address(tensor);
      return new Operand(
          tensor.type(),
          tensor.stride(),
          (int) Math.min(MOST_ALIGNMENT, Long.lowestOneBit(address | MOST_ALIGNMENT)));
    }

    Matrix columnMajor(int rows, int columns) {
      return new Matrix(libraryType(type), columns, rows, stride, alignment);
    }
  }

  private final CudaDevice device;
  private final CublasLt library;
  private final Launcher launcher;
  private final long workspace;
  private final Map<Shape, Optional<CublasLt.Product>> known = new HashMap<>();

  /**
   * @param workspace address of {@link #WORKSPACE_BYTES} on the card
   */
  CudaProducts(CudaDevice device, CublasLt library, Launcher launcher, long workspace) {
    this.device = device;
    this.library = library;
    this.launcher = launcher;
    this.workspace = workspace;
  }

  /** What multiplies. */
  String describe() {
    return "cuBLASLt " + library.version();
  }

  /**
   * {@code C = A B} or {@code C += A B}, A and B being the operands or their transposes.
   *
   * @param c (M, N)
   */
  void run(LinearProduct product, Tensor a, Tensor b, Tensor c, boolean accumulate) {
    int k = product.transposesA() ? a.rows() : a.columns();
    int inner = product.transposesB() ? b.columns() : b.rows();
    int m = product.transposesA() ? a.columns() : a.rows();
    int n = product.transposesB() ? b.rows() : b.columns();
    if (inner != k || c.rows() != m || c.columns() != n) {
      throw new IllegalArgumentException(
          "%s: %s and %s do not give %s".formatted(product, a, b, c));
    }
    if (m == 0) {
      return;
    }
    Shape shape = new Shape(product, m, n, k, Operand.of(a), Operand.of(b), Operand.of(c));
    Optional<CublasLt.Product> planned = known.get(shape);
    if (planned == null) {
      planned = plan(shape, a, b, c);
      known.put(shape, planned);
    }
    if (planned.isPresent()) {
      planned
          .get()
          .run(
              CudaBuffer.address(b),
              CudaBuffer.address(a),
              CudaBuffer.address(c),
              accumulate,
              workspace,
              device.stream());
    } else {
      runPlain(product, a, b, c, k, accumulate);
    }
  }

  private Optional<CublasLt.Product> plan(Shape shape, Tensor a, Tensor b, Tensor c) {
    if (a.type() != b.type()) {
      throw new IllegalArgumentException("%s times %s".formatted(a, b));
    }
    device.driver(); // its context has to be this thread's
    return library.product(
        shape.b.columnMajor(b.rows(), b.columns()),
        shape.product.transposesB(),
        shape.a.columnMajor(a.rows(), a.columns()),
        shape.product.transposesA(),
        shape.c.columnMajor(c.rows(), c.columns()),
        WORKSPACE_BYTES);
  }

  private static int libraryType(ElementType type) {
    return switch (type) {
      case F32 -> CublasLt.F32;
      case F16 -> CublasLt.F16;
      case BF16 -> CublasLt.BF16;
      case I32 -> throw new IllegalArgumentException("a product of integers");
    };
  }

  private void runPlain(
      LinearProduct product, Tensor a, Tensor b, Tensor c, int k, boolean accumulate) {
    String name = "product_%s_%s".formatted(Types.suffix(a.type()), Types.suffix(c.type()));
    launcher
        .kernel(KernelSource.PRODUCTS, name)
        .vector(a)
        .number(product.transposesA() ? 1 : a.stride())
        .number(product.transposesA() ? a.stride() : 1)
        .vector(b)
        .number(product.transposesB() ? 1 : b.stride())
        .number(product.transposesB() ? b.stride() : 1)
        .matrix(c)
        .number(c.rows())
        .number(c.columns())
        .number(k)
        .number(accumulate ? 1 : 0)
        .over((long) Math.ceilDiv(c.columns(), TILE) * Math.ceilDiv(c.rows(), TILE), TILE_THREADS);
  }

  @Override
  public void close() {
    library.close();
  }
}
