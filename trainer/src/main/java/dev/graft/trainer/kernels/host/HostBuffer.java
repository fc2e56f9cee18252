package dev.graft.trainer.kernels.host;

import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Native memory behind tensors. Loops work on raw addresses, where a wrong one takes the whole
 * process down; so an address is only given out here, after the tensor was checked against the
 * memory's size and the memory against having been freed.
 */
public final class HostBuffer implements DeviceBuffer {

  // Held, so that memory under a garbage-collected arena lives as long as its tensors.
  private final MemorySegment segment;
  private final long address;

  // Whoever frees the memory when it is collected as garbage.
  private final @Nullable Object owner;

  /** Wraps native memory as it is; nothing is copied. */
  public HostBuffer(MemorySegment segment) {
    this(segment, null);
  }

  /**
   * Wraps native memory as it is; nothing is copied.
   *
   * @param owner kept reachable as long as this buffer, or null
   */
  public HostBuffer(MemorySegment segment, @Nullable Object owner) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("heap memory cannot be handed to native code");
    }
    this.segment = segment;
    this.address = segment.address();
    this.owner = owner;
  }

  /**
   * Where the first element of a tensor lies.
   *
   * @throws IllegalArgumentException if the tensor was made by other kernels, or reaches out of its
   *     memory
   * @throws IllegalStateException if the memory was freed
   */
  public static long address(Tensor tensor) {
    if (!(tensor.buffer() instanceof HostBuffer buffer)) {
      throw new IllegalArgumentException(
          "a tensor of other kernels: " + tensor.buffer().getClass().getName());
    }
    int bytes = tensor.type().bytes();
    long end = tensor.end() * bytes;
    if (end > buffer.segment.byteSize()) {
      throw new IllegalArgumentException(
          "%s with stride %d at %d reaches out of its %d bytes"
              .formatted(tensor, tensor.stride(), tensor.offset(), buffer.segment.byteSize()));
    }
    if (!buffer.segment.scope().isAlive()) {
      throw new IllegalStateException("the memory of this tensor was freed");
    }
    return buffer.address + tensor.offset() * bytes;
  }

  /** Whoever frees the memory, if it was told. */
  public @Nullable Object owner() {
    return owner;
  }

  /** Bytes from the start of one row to the start of the next. */
  public static long rowBytes(Tensor tensor) {
    return (long) tensor.stride() * tensor.type().bytes();
  }
}
