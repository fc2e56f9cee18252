package dev.graft.trainer.runtime;

import dev.graft.trainer.kernels.vector.MemoryReading;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** How fast all cores together read some memory, with no more to do than that. */
public final class ReadBandwidth {

  /** Bytes that a core claims at once: it reads on while another one is held up. */
  private static final long PIECE = 4L << 20;

  /** A stretch of memory. */
  private record Piece(long address, long bytes) {}

  private final List<MemorySegment> memory; // kept, so that it stays mapped
  private final List<Piece> pieces = new ArrayList<>();
  private final long bytes;
  private volatile int seen;

  /** To measure on this memory, which has to stay mapped. */
  public ReadBandwidth(List<MemorySegment> memory) {
    this.memory = List.copyOf(memory);
    long sum = 0;
    for (MemorySegment segment : this.memory) {
      sum += segment.byteSize();
      for (long from = 0; from < segment.byteSize(); from += PIECE) {
        long length = Math.min(PIECE, segment.byteSize() - from);
        pieces.add(new Piece(segment.address() + from, length));
      }
    }
    this.bytes = sum;
  }

  /** Bytes that are read. */
  public long bytes() {
    return bytes;
  }

  /** Reads everything once and gives bytes a second. */
  public double measure() {
    AtomicInteger next = new AtomicInteger();
    List<Thread> readers = new ArrayList<>();
    long start = System.nanoTime();
    for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) {
      readers.add(Thread.ofPlatform().start(() -> seen = readPieces(next)));
    }
    for (Thread reader : readers) {
      join(reader);
    }
    return bytes / ((System.nanoTime() - start) / 1e9);
  }

  private int readPieces(AtomicInteger next) {
    int sum = 0;
    for (int i = next.getAndIncrement(); i < pieces.size(); i = next.getAndIncrement()) {
      sum += MemoryReading.read(pieces.get(i).address, pieces.get(i).bytes);
    }
    return sum;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
