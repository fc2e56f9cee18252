package dev.graft.trainer.kernels.onednn;

import dev.graft.trainer.tensor.ElementType;

/**
 * Everything about a product {@code C = A B} but the addresses. Mutable, so that looking a product
 * up makes no garbage; what is kept as a key is a {@link #copy}.
 */
public final class ProductShape {

  int m;
  int n;
  int k;
  ElementType aType = ElementType.F32;
  long aRow;
  long aColumn;
  ElementType bType = ElementType.F32;
  long bRow;
  long bColumn;
  ElementType cType = ElementType.F32;
  long cRow;
  boolean accumulate;

  /** A is (m, k), B is (k, n), C is (m, n). */
  public ProductShape size(int m, int n, int k) {
    this.m = m;
    this.n = n;
    this.k = k;
    return this;
  }

  /** Type of A, and elements from one row and from one column to the next. */
  public ProductShape a(ElementType type, long row, long column) {
    this.aType = type;
    this.aRow = row;
    this.aColumn = column;
    return this;
  }

  /** Type of B, and elements from one row and from one column to the next. */
  public ProductShape b(ElementType type, long row, long column) {
    this.bType = type;
    this.bRow = row;
    this.bColumn = column;
    return this;
  }

  /** Type of C, elements from one row to the next, and whether the product is added to it. */
  public ProductShape c(ElementType type, long row, boolean accumulate) {
    this.cType = type;
    this.cRow = row;
    this.accumulate = accumulate;
    return this;
  }

  /** A copy that nobody changes. */
  ProductShape copy() {
    return new ProductShape()
        .size(m, n, k)
        .a(aType, aRow, aColumn)
        .b(bType, bRow, bColumn)
        .c(cType, cRow, accumulate);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ProductShape that
        && m == that.m
        && n == that.n
        && k == that.k
        && aType == that.aType
        && aRow == that.aRow
        && aColumn == that.aColumn
        && bType == that.bType
        && bRow == that.bRow
        && bColumn == that.bColumn
        && cType == that.cType
        && cRow == that.cRow
        && accumulate == that.accumulate;
  }

  @Override
  public int hashCode() {
    long types =
        (OneDnn.dataType(aType) * 31L + OneDnn.dataType(bType)) * 31L + OneDnn.dataType(cType);
    long hash = ((m * 31L + n) * 31L + k) * 31L + types * 2L + (accumulate ? 1 : 0);
    hash = ((hash * 31L + aRow) * 31L + aColumn) * 31L + bRow;
    hash = (hash * 31L + bColumn) * 31L + cRow;
    return Long.hashCode(hash * 0x9E3779B97F4A7C15L);
  }

  @Override
  public String toString() {
    return "%s(%d, %d) x %s(%d, %d) -> %s".formatted(aType, m, k, bType, k, n, cType);
  }
}
