package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.DeviceOutOfMemoryError;
import dev.graft.trainer.kernels.cuda.binding.CudaDriver.MemoryInfo;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * All of the card's memory that is in use: taken from the driver in blocks, and freed together.
 * Small tensors share a block, since the driver rounds each allocation up to {@link #GRAIN}.
 */
final class DeviceMemory implements AutoCloseable {

  /** What tensors are aligned to, in bytes: what products and vector loads ask for at most. */
  private static final long ALIGNMENT = 256;

  /** The driver's unit of allocation. */
  private static final long GRAIN = 2 << 20;

  /** A block that small tensors share. */
  private static final long SHARED_BLOCK = 16 * GRAIN;

  private final CudaDevice device;
  private final List<Long> blocks = new ArrayList<>();
  private long next;
  private long left;
  private long allocatedBytes;
  private boolean closed;

  DeviceMemory(CudaDevice device) {
    this.device = device;
  }

  long allocatedBytes() {
    return allocatedBytes;
  }

  /** Zeroed memory for a tensor. */
  Tensor allocate(ElementType type, int rows, int columns) {
    return Tensor.of(buffer((long) rows * columns * type.bytes()), type, rows, columns);
  }

  /** Zeroed memory for more elements than a tensor can have columns. */
  CudaBuffer buffer(long bytes) {
    long address = take(bytes);
    device.driver().clear(address, Math.max(bytes, 1), device.stream());
    allocatedBytes += bytes;
    return new CudaBuffer(this, address, bytes);
  }

  private long take(long bytes) {
    long aligned = roundUp(Math.max(bytes, 1), ALIGNMENT);
    if (aligned > SHARED_BLOCK / 2) {
      return block(roundUp(aligned, GRAIN));
    }
    if (aligned > left) {
      next = block(SHARED_BLOCK);
      left = SHARED_BLOCK;
    }
    long address = next;
    next += aligned;
    left -= aligned;
    return address;
  }

  private long block(long bytes) {
    expectOpen();
    try {
      long address = device.driver().allocate(bytes);
      blocks.add(address);
      return address;
    } catch (OutOfMemoryError e) {
      MemoryInfo info = device.memory();
      throw new DeviceOutOfMemoryError(
          "%s has %,d MB of %,d MB free, and %,d MB more were wanted; 'nvidia-smi' tells whether other processes hold some"
              .formatted(device.name(), info.free() >> 20, info.total() >> 20, bytes >> 20));
    }
  }

  private static long roundUp(long bytes, long unit) {
    return (bytes + unit - 1) / unit * unit;
  }

  void expectOpen() {
    if (closed) {
      throw new IllegalStateException("the memory of this tensor was freed");
    }
  }

  @Override
  public void close() {
    closed = true;
    blocks.forEach(device.driver()::free);
    blocks.clear();
  }
}
