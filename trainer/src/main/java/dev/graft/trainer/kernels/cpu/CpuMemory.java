package dev.graft.trainer.kernels.cpu;

import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.kernels.host.HostBuffer;
import dev.graft.trainer.kernels.host.Memory;
import dev.graft.trainer.kernels.host.ZeroedMemory;
import dev.graft.trainer.kernels.vector.Elements;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Tensors in this process's memory: one arena owns all that is allocated. */
final class CpuMemory implements AutoCloseable {

  private static final int ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private long allocatedBytes;

  long allocatedBytes() {
    return allocatedBytes;
  }

  Tensor allocate(ElementType type, int rows, int columns) {
    long bytes = (long) rows * columns * type.bytes();
    MemorySegment segment = ZeroedMemory.allocate(Math.max(bytes, 1), ALIGNMENT, arena);
    allocatedBytes += bytes;
    return Tensor.of(new HostBuffer(segment), type, rows, columns);
  }

  Tensor weight(ElementType type, int rows, int columns, MemorySegment bytes) {
    long expected = (long) rows * columns * type.bytes();
    if (bytes.byteSize() != expected || type == ElementType.I32) {
      throw new IllegalArgumentException(
          "%d bytes for a weight %s(%d, %d)".formatted(bytes.byteSize(), type, rows, columns));
    }
    if (bytes.isNative()) {
      return Tensor.of(new HostBuffer(bytes), type, rows, columns);
    }
    Tensor copy = allocate(type, rows, columns);
    MemorySegment.copy(bytes, 0, Memory.ALL, HostBuffer.address(copy), expected);
    return copy;
  }

  Tensor parameter(INDArray master) {
    HostBuffer buffer = new HostBuffer(HostArrays.matrixMemory(master), master);
    return Tensor.of(buffer, ElementType.F32, master.rows(), master.columns());
  }

  void write(Tensor target, int[] values) {
    Expect.type("target", target, ElementType.I32);
    count(target, values.length);
    long row = HostBuffer.address(target);
    for (int i = 0, r = 0; r < target.rows(); r++, row += HostBuffer.rowBytes(target)) {
      for (int c = 0; c < target.columns(); c++) {
        Memory.putInt(row + 4L * c, values[i++]);
      }
    }
  }

  void write(Tensor target, float[] values) {
    Expect.floating("target", target);
    count(target, values.length);
    int bytes = target.type().bytes();
    long row = HostBuffer.address(target);
    for (int i = 0, r = 0; r < target.rows(); r++, row += HostBuffer.rowBytes(target)) {
      for (int c = 0; c < target.columns(); c++) {
        Elements.put(target.type(), row + (long) c * bytes, values[i++]);
      }
    }
  }

  private static void count(Tensor target, int values) {
    if (target.size() != values) {
      throw new IllegalArgumentException("%d numbers for %s".formatted(values, target));
    }
  }

  float[] read(Tensor source) {
    Expect.floating("source", source);
    float[] values = new float[Math.toIntExact(source.size())];
    int bytes = source.type().bytes();
    long row = HostBuffer.address(source);
    for (int i = 0, r = 0; r < source.rows(); r++, row += HostBuffer.rowBytes(source)) {
      for (int c = 0; c < source.columns(); c++) {
        values[i++] = Elements.get(source.type(), row + (long) c * bytes);
      }
    }
    return values;
  }

  @Override
  public void close() {
    arena.close();
  }
}
