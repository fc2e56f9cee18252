package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.Tensor;

/** Memory of a card behind tensors. */
final class CudaBuffer implements DeviceBuffer {

  private final DeviceMemory owner;
  private final long address;
  private final long bytes;

  CudaBuffer(DeviceMemory owner, long address, long bytes) {
    this.owner = owner;
    this.address = address;
    this.bytes = bytes;
  }

  /**
   * Where the first element of a tensor lies on the card.
   *
   * @throws IllegalArgumentException if the tensor was made by other kernels, or reaches out of its
   *     memory
   * @throws IllegalStateException if the memory was freed
   */
  static long address(Tensor tensor) {
    if (!(tensor.buffer() instanceof CudaBuffer buffer)) {
      throw new IllegalArgumentException(
          "a tensor of other kernels: " + tensor.buffer().getClass().getName());
    }
    if (tensor.end() * tensor.type().bytes() > buffer.bytes) {
      throw new IllegalArgumentException(
          "%s with stride %d at %d reaches out of its %d bytes"
              .formatted(tensor, tensor.stride(), tensor.offset(), buffer.bytes));
    }
    buffer.owner.expectOpen();
    return buffer.address + tensor.offset() * tensor.type().bytes();
  }
}
