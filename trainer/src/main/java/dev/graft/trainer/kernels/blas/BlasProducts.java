package dev.graft.trainer.kernels.blas;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemm;

import dev.graft.trainer.kernels.products.ProductLibrary;
import dev.graft.trainer.kernels.products.ProductShape;
import dev.graft.trainer.tensor.ElementType;
import java.util.OptionalLong;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Products of float32 matrices by OpenBLAS, which ND4J brings to every platform. It reads no other
 * type: whoever calls widens first.
 */
public final class BlasProducts implements ProductLibrary {

  /** A pointer to wherever it is told, so that setting an address makes no garbage. */
  private static final class Address extends FloatPointer {

    Address() {
      super((Pointer) null);
    }

    Address at(long target) {
      this.address = target;
      return this;
    }
  }

  private final Address a = new Address();
  private final Address b = new Address();
  private final Address c = new Address();

  @Override
  public String name() {
    return "OpenBLAS";
  }

  @Override
  public String instructions() {
    return "its own choice for " + System.getProperty("os.arch", "this processor");
  }

  @Override
  public boolean supports(ElementType a, ElementType b, ElementType c) {
    return a == ElementType.F32 && b == ElementType.F32 && c == ElementType.F32;
  }

  /** OpenBLAS brings its own, the same for all products. */
  @Override
  public OptionalLong scratchBytes(ProductShape s) {
    return supports(s.aType(), s.bType(), s.cType()) ? OptionalLong.of(0) : OptionalLong.empty();
  }

  @Override
  public boolean multiply(ProductShape s, long aAddress, long bAddress, long cAddress) {
    if (!supports(s.aType(), s.bType(), s.cType())) {
      return false;
    }
    cblas_sgemm(
        CblasRowMajor,
        order(s.aColumn()),
        order(s.bColumn()),
        s.m(),
        s.n(),
        s.k(),
        1,
        a.at(aAddress),
        leading(s.m(), s.k(), s.aRow(), s.aColumn()),
        b.at(bAddress),
        leading(s.k(), s.n(), s.bRow(), s.bColumn()),
        s.accumulates() ? 1 : 0,
        c.at(cAddress),
        Math.toIntExact(s.cRow()));
    return true;
  }

  /** Operands lie row by row, or column by column, which BLAS calls transposed. */
  private static int order(long column) {
    return column == 1 ? CblasNoTrans : CblasTrans;
  }

  /** BLAS wants it as large as a row or column is long even where there is only one. */
  private static int leading(int rows, int columns, long row, long column) {
    return Math.toIntExact(column == 1 ? Math.max(row, columns) : Math.max(column, rows));
  }

  /** Nothing to free: OpenBLAS keeps its buffers for the whole process. */
  @Override
  public void close() {}
}
