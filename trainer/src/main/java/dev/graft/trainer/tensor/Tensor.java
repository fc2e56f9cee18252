package dev.graft.trainer.tensor;

import java.util.Objects;

/**
 * A matrix of numbers in a device's memory: row-major, rows {@code stride} elements apart. A vector
 * is a matrix of one row. A tensor is a handle: copying it copies no numbers, and two tensors may
 * look at the same numbers.
 *
 * @param buffer where the numbers are
 * @param offset index of the first element in the buffer, in elements
 * @param type what the elements are
 * @param rows number of rows
 * @param columns elements in a row
 * @param stride elements from the start of one row to the start of the next, at least columns
 */
public record Tensor(
    DeviceBuffer buffer, long offset, ElementType type, int rows, int columns, int stride) {

  public Tensor {
    Objects.requireNonNull(buffer);
    Objects.requireNonNull(type);
    if (offset < 0 || rows < 0 || columns < 1 || stride < columns) {
      throw new IllegalArgumentException(
          "tensor offset %d, %d x %d, stride %d".formatted(offset, rows, columns, stride));
    }
  }

  /** A matrix that fills its buffer. */
  public static Tensor of(DeviceBuffer buffer, ElementType type, int rows, int columns) {
    return new Tensor(buffer, 0, type, rows, columns, columns);
  }

  /** The rows {@code [from, from + count)} of this matrix, in place. */
  public Tensor rows(int from, int count) {
    Objects.checkFromIndexSize(from, count, rows);
    return new Tensor(buffer, offset + (long) from * stride, type, count, columns, stride);
  }

  /** The columns {@code [from, from + count)} of this matrix, in place. */
  public Tensor columns(int from, int count) {
    Objects.checkFromIndexSize(from, count, columns);
    return new Tensor(buffer, offset + from, type, rows, count, stride);
  }

  /** The first {@code count} elements of a vector, in place. */
  public Tensor first(int count) {
    if (rows != 1) {
      throw new IllegalArgumentException("not a vector: " + this);
    }
    return columns(0, count);
  }

  /** Number of elements. */
  public long size() {
    return (long) rows * columns;
  }

  /** Index behind the last element in the buffer, in elements. */
  public long end() {
    return rows == 0 ? offset : offset + (long) (rows - 1) * stride + columns;
  }

  /** Whether the rows follow each other without gaps. */
  public boolean isContiguous() {
    return stride == columns || rows <= 1;
  }

  @Override
  public String toString() {
    return "%s(%d, %d)".formatted(type, rows, columns);
  }
}
