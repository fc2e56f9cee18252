package dev.graft.trainer.kernels.products;

import dev.graft.trainer.tensor.ElementType;

/**
 * Everything about a product {@code C = A B} but the addresses. Mutable, so that looking a product
 * up makes no garbage; what is kept as a key is a {@link #copy}.
 */
public final class ProductShape {

  private int m;
  private int n;
  private int k;
  private ElementType aType = ElementType.F32;
  private long aRow;
  private long aColumn;
  private ElementType bType = ElementType.F32;
  private long bRow;
  private long bColumn;
  private ElementType cType = ElementType.F32;
  private long cRow;
  private boolean accumulate;

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

  /** Rows of A and C. */
  public int m() {
    return m;
  }

  /** Columns of B and C. */
  public int n() {
    return n;
  }

  /** Columns of A, rows of B. */
  public int k() {
    return k;
  }

  public ElementType aType() {
    return aType;
  }

  /** Elements from one row of A to the next. */
  public long aRow() {
    return aRow;
  }

  /** Elements from one column of A to the next. */
  public long aColumn() {
    return aColumn;
  }

  public ElementType bType() {
    return bType;
  }

  /** Elements from one row of B to the next. */
  public long bRow() {
    return bRow;
  }

  /** Elements from one column of B to the next. */
  public long bColumn() {
    return bColumn;
  }

  public ElementType cType() {
    return cType;
  }

  /** Elements from one row of C to the next. */
  public long cRow() {
    return cRow;
  }

  /** Whether the product is added to what C holds. */
  public boolean accumulates() {
    return accumulate;
  }

  /** A copy that nobody changes. */
  public ProductShape copy() {
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
    long types = (aType.hashCode() * 31L + bType.hashCode()) * 31L + cType.hashCode();
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
