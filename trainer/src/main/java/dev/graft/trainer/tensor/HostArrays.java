package dev.graft.trainer.tensor;

import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.indexer.FloatIndexer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.shape.Gather;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Makes ND4J arrays, in C order, and shows their memory without copying it. The only class that
 * touches ND4J's factory: which backend runs, and with which defaults, is decided here.
 */
public final class HostArrays {

  /** From here on the C library asks the system for memory, which is zero then. */
  private static final long LARGE = 1 << 20;

  private HostArrays() {}

  /** Loads ND4J and its native libraries, as the first array would. */
  public static void load() {
    zeros(1);
  }

  /** A float32 vector of zeros. */
  public static INDArray zeros(long length) {
    if (length < LARGE) {
      return Nd4j.zeros(DataType.FLOAT, length);
    }
    FloatPointer zeros = ZeroedFloats.allocate(length);
    return Nd4j.create(
        Nd4j.createBuffer(zeros, DataType.FLOAT, length, FloatIndexer.create(zeros)), length);
  }

  /** A matrix of zeros. */
  public static INDArray zeros(DataType type, long rows, long columns) {
    return Nd4j.create(type, new long[] {rows, columns}, 'c');
  }

  /** A matrix with the given numbers, row-major, in the given type. */
  public static INDArray matrix(DataType type, int rows, int columns, float[] numbers) {
    return Nd4j.createFromArray(numbers).castTo(type).reshape('c', rows, columns);
  }

  /** A matrix of 32-bit integers with the given numbers, row-major. */
  public static INDArray matrix(int rows, int columns, int[] numbers) {
    return Nd4j.createFromArray(numbers).reshape('c', rows, columns);
  }

  /**
   * A matrix that shares the memory of an array: rows {@code stride} elements apart.
   *
   * @param array contiguous, C order
   * @param offset the matrix's first element, counted from the array's
   */
  public static INDArray view(INDArray array, long offset, int rows, int columns, int stride) {
    long[] shape = {rows, columns};
    long[] strides = {stride, 1};
    return Nd4j.create(array.data(), shape, strides, array.offset() + offset, 'c');
  }

  /** A vector as a matrix of one row, in the same memory. */
  public static INDArray asRow(INDArray vector) {
    return vector.reshape('c', 1, vector.length());
  }

  /**
   * Some rows of a matrix, copied. {@code getRows} takes 30 µs for each, and {@code pullRows} uses
   * threads of its own whatever it is told.
   */
  public static INDArray rows(INDArray matrix, int[] rows) {
    return Nd4j.exec(new Gather(matrix, Nd4j.createFromArray(rows), 0))[0];
  }

  /**
   * The product of two matrices of one type, each transposed first if so wanted. By BLAS, which
   * {@code mmul} calls only for some orders of its operands and result.
   */
  public static INDArray product(INDArray a, boolean turnA, INDArray b, boolean turnB) {
    return Nd4j.gemm(a, b, turnA, turnB);
  }

  /**
   * From now on ND4J computes on the calling thread only. For many small operations: its threads
   * wait for one another at the end of each, and where other work shares the cores such a wait
   * lasts until the scheduler's next turn (measured: 10 ms instead of 0.2 for 207 x 80 numbers).
   */
  public static void computeOnOneThread() {
    Nd4j.getEnvironment().setMaxThreads(1);
    Nd4j.getEnvironment().setMaxMasterThreads(1);
    Nd4j.factory().blas().setMaxThreads(1);
  }

  /** The ND4J backend that was found on the class path. */
  public static String backend() {
    return Nd4j.getBackend().getClass().getSimpleName();
  }

  /**
   * The {@link #memory} of a matrix.
   *
   * @throws IllegalArgumentException if its rows do not follow each other without gaps
   */
  public static MemorySegment matrixMemory(INDArray matrix) {
    boolean contiguous =
        matrix.rank() == 2
            && matrix.ordering() == 'c'
            && (matrix.rows() == 1
                || matrix.columns() == 1
                || matrix.stride(0) == matrix.columns());
    if (!contiguous) {
      throw new IllegalArgumentException(
          "a contiguous matrix in C order expected, not " + matrix.shapeInfoToString());
    }
    return memory(matrix);
  }

  /**
   * The array's own memory, from its first element to its last.
   *
   * @param array a contiguous C-order float32 array in host memory; the caller keeps it alive
   */
  public static MemorySegment memory(INDArray array) {
    if (array.dataType() != DataType.FLOAT) {
      throw new IllegalArgumentException("float32 expected, not " + array.dataType());
    }
    // NOTE a footgun: for a view, the address is still that of the array it is a view of.
    return MemorySegment.ofAddress(array.data().address() + array.offset() * Float.BYTES)
        .reinterpret(array.length() * Float.BYTES);
  }
}
