package dev.graft.trainer.tensor;

import java.lang.foreign.MemorySegment;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Makes ND4J arrays, in C order, and shows their memory without copying it. The only class that
 * touches ND4J's factory: which backend runs, and with which defaults, is decided here.
 */
public final class HostArrays {

  private HostArrays() {}

  /** A float32 vector of zeros. */
  public static INDArray zeros(long length) {
    return Nd4j.zeros(DataType.FLOAT, length);
  }

  /** A matrix of zeros. */
  public static INDArray zeros(DataType type, long rows, long columns) {
    return Nd4j.create(type, new long[] {rows, columns}, 'c');
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
    return MemorySegment.ofAddress(array.data().address())
        .reinterpret(array.length() * Float.BYTES);
  }
}
