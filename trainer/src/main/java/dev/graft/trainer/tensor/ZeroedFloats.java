package dev.graft.trainer.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Float32 zeros that cost nothing until they are used. ND4J's own are written, twice, and so touch
 * every page: for the gradients and moments of a large adapter that takes as long as all else of
 * it.
 */
final class ZeroedFloats extends FloatPointer {

  /** Frees the memory when nothing points to this any more. */
  @SuppressWarnings("UnusedVariable") // keeps it from being freed
  private final MemorySegment owner;

  private ZeroedFloats(Pointer memory, long length) {
    super(memory);
    position(0).limit(length).capacity(length);
    long bytes = length * Float.BYTES;
    this.owner =
        MemorySegment.ofAddress(memory.address())
            .reinterpret(bytes, Arena.ofAuto(), _ -> Pointer.free(memory));
  }

  /**
   * Allocates.
   *
   * @throws OutOfMemoryError if the system does not even promise that much
   */
  static ZeroedFloats allocate(long length) {
    Pointer memory = Pointer.calloc(length, Float.BYTES);
    if (memory == null || memory.isNull()) {
      throw new OutOfMemoryError(
          "the system has no %,d bytes for parameters".formatted(length * Float.BYTES));
    }
    return new ZeroedFloats(memory, length);
  }
}
