package dev.graft.trainer.kernels.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Two halves of pinned host memory that copies to and from the card pass through: while the card
 * copies one, the processor fills or empties the other.
 */
final class PinnedMemory implements AutoCloseable {

  /** Bytes of a half: enough for a copy to run at the bus's rate. */
  static final int HALF = 4 << 20;

  private static final int ALIGNMENT = 64;

  private final CudaDevice device;
  private final MemorySegment[] halves;
  private final long[] used = new long[2]; // events: when the card was done with a half
  private int current;
  private long offset;

  PinnedMemory(CudaDevice device) {
    this.device = device;
    this.halves =
        new MemorySegment[] {
          device.driver().allocateHost(HALF), device.driver().allocateHost(HALF)
        };
    for (int i = 0; i < used.length; i++) {
      used[i] = device.driver().createEvent();
    }
  }

  /**
   * Room to be filled and then handed to a copy to the card, before the next call.
   *
   * @param bytes at most {@link #HALF}
   */
  MemorySegment take(long bytes) {
    if (offset + bytes > HALF) {
      device.driver().record(used[current], device.stream());
      current = 1 - current;
      device.driver().await(used[current]);
      offset = 0;
    }
    MemorySegment room = halves[current].asSlice(offset, bytes);
    offset = (offset + bytes + ALIGNMENT - 1) & -ALIGNMENT;
    return room;
  }

  @Override
  public void close() {
    for (int i = 0; i < used.length; i++) {
      device.driver().destroyEvent(used[i]);
      device.driver().freeHost(halves[i]);
    }
  }
}
