package dev.graft.trainer.kernels.host;

import java.lang.foreign.Arena;

/**
 * Working memory of one thread. It only grows, to the largest size that was ever asked for rounded
 * up to a power of two, so that a training run allocates in its first steps and never after.
 */
public final class Scratch implements AutoCloseable {

  /** Bytes at {@link #tail()}: three vectors of the widest kind. */
  public static final int TAIL_BYTES = 192;

  private static final int ALIGNMENT = 64;

  /** A run of native memory with an arena of its own. */
  private static final class Region implements AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final long bytes;
    private final long address;

    Region(long bytes) {
      this.bytes = bytes;
      this.address = ZeroedMemory.allocate(bytes, ALIGNMENT, arena).address();
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  private final Region tail = new Region(TAIL_BYTES);
  private Region region = new Region(TAIL_BYTES);

  /** A few elements at the end of a row, so that a loop can treat them as a full vector. */
  public long tail() {
    return tail.address;
  }

  /**
   * At least {@code bytes} bytes, 64-byte aligned, with anything in them. They stay until the next
   * call.
   */
  public long reserve(long bytes) {
    if (bytes > region.bytes) {
      region.close();
      region = new Region(Math.max(4096, Long.highestOneBit(bytes - 1) << 1));
    }
    return region.address;
  }

  /** Bytes held. */
  public long capacity() {
    return region.bytes;
  }

  @Override
  public void close() {
    region.close();
    tail.close();
  }
}
