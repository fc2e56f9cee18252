package dev.graft.trainer.kernels.reference;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Tensors as ND4J arrays. Every floating-point tensor is kept in the computing type; its element
 * type only says how a number is rounded when it is stored.
 */
final class ReferenceMemory implements AutoCloseable {

  private final DataType compute;
  private final List<INDArray> owned = new ArrayList<>();
  private long allocatedBytes;

  ReferenceMemory(DataType compute) {
    this.compute = compute;
  }

  long allocatedBytes() {
    return allocatedBytes;
  }

  // ---- making tensors ----

  Tensor allocate(ElementType type, int rows, int columns) {
    DataType stored = type == ElementType.I32 ? DataType.INT32 : compute;
    INDArray array = own(HostArrays.zeros(stored, rows, columns));
    allocatedBytes += array.length() * stored.width();
    return Tensor.of(new ReferenceBuffer(array, null), type, rows, columns);
  }

  Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    float[] numbers = new float[Math.multiplyExact(rows, columns)];
    if (bytes.byteSize() != (long) numbers.length * type.bytes()) {
      throw new IllegalArgumentException(
          "%d bytes for %s(%d, %d)".formatted(bytes.byteSize(), type, rows, columns));
    }
    var floats = JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    var shorts = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] =
          switch (type) {
            case F32 -> bytes.getAtIndex(floats, i);
            case BF16 -> Float.intBitsToFloat(bytes.getAtIndex(shorts, i) << 16);
            case F16 -> Float.float16ToFloat(bytes.getAtIndex(shorts, i));
            case I32 -> throw new IllegalArgumentException("a weight of integers");
          };
    }
    INDArray array = own(HostArrays.matrix(compute, rows, columns, numbers));
    return Tensor.of(new ReferenceBuffer(array, null), type, rows, columns);
  }

  Tensor parameter(INDArray master) {
    if (master.dataType() != DataType.FLOAT || master.rank() != 2 || master.ordering() != 'c') {
      throw new IllegalArgumentException(
          "a float32 matrix in C order expected, not " + master.shapeInfoToString());
    }
    ReferenceBuffer buffer =
        compute == DataType.FLOAT
            ? new ReferenceBuffer(master, null)
            : new ReferenceBuffer(own(master.castTo(compute)), master);
    return Tensor.of(buffer, ElementType.F32, master.rows(), master.columns());
  }

  void push(Tensor parameter) {
    ReferenceBuffer buffer = ReferenceBuffer.of(parameter.buffer());
    if (buffer.master() != null) {
      buffer.array().assign(buffer.master());
    }
  }

  void pull(Tensor parameter) {
    ReferenceBuffer buffer = ReferenceBuffer.of(parameter.buffer());
    if (buffer.master() != null) {
      buffer.master().assign(buffer.array());
    }
  }

  // ---- in and out ----

  /** The numbers of a tensor as a matrix of the computing type that shares their memory. */
  INDArray at(Tensor tensor) {
    return HostArrays.view(
        ReferenceBuffer.of(tensor.buffer()).array(),
        tensor.offset(),
        tensor.rows(),
        tensor.columns(),
        tensor.stride());
  }

  /** The numbers of an I32 tensor, row-major. */
  int[] integers(Tensor tensor) {
    requireIntegers(tensor);
    return at(tensor).dup('c').data().asInt();
  }

  float[] read(Tensor source) {
    return at(source).dup('c').data().asFloat();
  }

  void write(Tensor target, int[] values) {
    requireIntegers(target);
    at(target).assign(HostArrays.matrix(target.rows(), target.columns(), values));
  }

  /** A matrix of the computing type with the shape of a tensor. */
  INDArray matrix(Tensor like, float[] values) {
    return HostArrays.matrix(compute, like.rows(), like.columns(), values);
  }

  /** {@code out = value}, rounded to nearest, ties to even. */
  void store(INDArray value, Tensor out) {
    store(value, out, false);
  }

  /** {@code out = value} or {@code out += value}, rounded to nearest, ties to even. */
  void store(INDArray value, Tensor out, boolean accumulate) {
    INDArray target = at(out);
    // ND4J's own assign is more generous: it lets a vector lie down or stand up.
    if (!Arrays.equals(value.shape(), target.shape())) {
      throw new IllegalArgumentException(
          "a result of %s for %s".formatted(Arrays.toString(value.shape()), out));
    }
    INDArray sum = accumulate ? target.add(value) : value;
    target.assign(
        switch (out.type()) {
          case F32 -> sum;
          case BF16 -> sum.castTo(DataType.BFLOAT16).castTo(compute);
          case F16 -> sum.castTo(DataType.FLOAT16).castTo(compute);
          case I32 -> throw new IllegalArgumentException("an I32 tensor is written, not computed");
        });
  }

  @Override
  public void close() {
    owned.forEach(INDArray::close);
    owned.clear();
  }

  private INDArray own(INDArray array) {
    owned.add(array);
    return array;
  }

  private static void requireIntegers(Tensor tensor) {
    if (tensor.type() != ElementType.I32) {
      throw new IllegalArgumentException("an I32 tensor expected, not " + tensor);
    }
  }
}
