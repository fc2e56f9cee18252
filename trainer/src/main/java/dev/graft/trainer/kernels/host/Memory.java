package dev.graft.trainer.kernels.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * All of the process's memory, read and written at raw addresses.
 *
 * <p>One constant segment rather than one for each tensor: the compiler then knows that it is alive
 * and large enough, no check stays inside a loop, and an operation makes no garbage. Addresses come
 * from {@link HostBuffer#address} and {@link Scratch}, which have checked them.
 */
public final class Memory {

  /** The whole address space; an address is an offset into it. */
  public static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private static final long PAGE = 4096;

  /** A page that nobody writes to. */
  private static final MemorySegment ZEROS = Arena.global().allocate(PAGE, PAGE);

  private Memory() {}

  public static float getFloat(long address) {
    return ALL.get(JAVA_FLOAT_UNALIGNED, address);
  }

  public static void putFloat(long address, float value) {
    ALL.set(JAVA_FLOAT_UNALIGNED, address, value);
  }

  public static int getInt(long address) {
    return ALL.get(JAVA_INT_UNALIGNED, address);
  }

  public static void putInt(long address, int value) {
    ALL.set(JAVA_INT_UNALIGNED, address, value);
  }

  public static short getShort(long address) {
    return ALL.get(JAVA_SHORT_UNALIGNED, address);
  }

  public static void putShort(long address, short value) {
    ALL.set(JAVA_SHORT_UNALIGNED, address, value);
  }

  /** Copies bytes; the two runs do not overlap. */
  public static void copy(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from, ALL, to, bytes);
  }

  /** Sets bytes to zero. */
  public static void clear(long address, long bytes) {
    // Copied rather than filled: filling takes a slice, which is garbage where the compiler does
    // not
    // see through it.
    long i = 0;
    for (; i <= bytes - PAGE; i += PAGE) {
      MemorySegment.copy(ZEROS, 0, ALL, address + i, PAGE);
    }
    for (; i <= bytes - Long.BYTES; i += Long.BYTES) {
      ALL.set(JAVA_LONG_UNALIGNED, address + i, 0);
    }
    for (; i < bytes; i++) {
      ALL.set(JAVA_BYTE, address + i, (byte) 0);
    }
  }
}
