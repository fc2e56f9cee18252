package dev.graft.trainer.kernels.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.Pointer;

/**
 * Zeroed native memory that costs nothing until it is used. An arena's own {@code allocate} writes
 * the zeros, and so touches every page: seconds for the activations of a large model, of which a
 * short micro-batch then uses a part. C's {@code calloc} knows that fresh pages are zero.
 */
public final class ZeroedMemory {

  private ZeroedMemory() {}

  /**
   * Allocates.
   *
   * @param alignment a power of two
   * @param arena frees the memory when it is closed
   * @throws OutOfMemoryError if the system does not even promise that much
   */
  public static MemorySegment allocate(long bytes, long alignment, Arena arena) {
    Pointer memory = Pointer.calloc(1, bytes + alignment - 1);
    if (memory == null || memory.isNull()) {
      throw new OutOfMemoryError(
          "the system has no %,d bytes for activations and scratch".formatted(bytes));
    }
    long aligned = memory.address() + alignment - 1 & -alignment;
    return MemorySegment.ofAddress(aligned).reinterpret(bytes, arena, _ -> Pointer.free(memory));
  }
}
