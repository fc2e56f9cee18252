package dev.graft.modelio.rows;

import dev.graft.modelio.Halfs;
import dev.graft.modelio.TensorView;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

/** A matrix in float32 whose rows are computed when they are asked for, on any thread. */
public interface RowSource {
  /** Number of rows; 1 for a vector. */
  int rows();

  /** Elements of a row. */
  int columns();

  /**
   * Computes a row.
   *
   * @param target {@link #columns()} elements
   */
  void row(int index, float[] target);

  /** A stored weight, widened exactly. */
  static RowSource of(TensorView tensor) {
    boolean vector = tensor.shape().size() == 1;
    int rows = vector ? 1 : Math.toIntExact(tensor.dim(0));
    int columns = Math.toIntExact(tensor.dim(vector ? 0 : 1));
    long rowBytes = (long) columns * tensor.dtype().bytes();
    return new Computed(
        rows,
        columns,
        (index, target) -> {
          MemorySegment row = tensor.data().asSlice(index * rowBytes, rowBytes);
          System.arraycopy(Halfs.toFloats(row, tensor.dtype(), columns), 0, target, 0, columns);
        });
  }

  /** A row-major matrix in memory. */
  static RowSource of(float[] values, int columns) {
    return new Computed(
        values.length / columns,
        columns,
        (index, target) -> System.arraycopy(values, index * columns, target, 0, columns));
  }

  /**
   * These rows in another order.
   *
   * @param from which row of this matrix stands at a place of the new one
   */
  default RowSource ordered(IntUnaryOperator from) {
    return new Computed(rows(), columns(), (index, target) -> row(from.applyAsInt(index), target));
  }

  /** Fills a row. */
  @FunctionalInterface
  interface Filler {
    void fill(int index, float[] target);
  }

  /** A matrix given by a function. */
  record Computed(int rows, int columns, Filler filler) implements RowSource {
    @Override
    public void row(int index, float[] target) {
      filler.fill(index, target);
    }
  }
}
