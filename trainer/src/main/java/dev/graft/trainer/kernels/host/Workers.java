package dev.graft.trainer.kernels.host;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A small pool that spreads loops over the cores. The calling thread takes part; pieces are claimed
 * one by one, so a worker that wakes up late only does less. What a piece computes must not depend
 * on who computes it nor on where pieces begin, which holds for loops over independent rows: so
 * results do not depend on the number of threads.
 *
 * <p>Workers spin for a few microseconds after a loop and then park: oneDNN's OpenMP threads want
 * the same cores a moment later. An instance is used by one thread at a time.
 */
public final class Workers implements AutoCloseable {

  /** The body of a loop. */
  @FunctionalInterface
  public interface Loop {
    /** Computes the pieces {@code [from, to)}. */
    void run(Scratch scratch, int from, int to);
  }

  /** Elements below which waking a thread costs more than it saves. */
  private static final long SMALL = 16 * 1024;

  /** Pieces for each thread: enough that a late one costs little, few enough to claim cheaply. */
  private static final int PIECES_PER_THREAD = 4;

  private static final int SPINS_BEFORE_PARKING = 1000;
  private static final int SPINS_BEFORE_SLEEPING = 20_000;
  private static final long SLEEP_NANOS = 50_000;
  private static final long CLOSED = 0xFFFFFFFFL;

  private final Scratch own = new Scratch();
  private final List<Worker> workers = new ArrayList<>();

  // The loop that is running. Written while the ticket says CLOSED, published by the ticket.
  private @Nullable Loop loop;
  private int count;
  private int pieces;
  // Generation in the upper half, the next piece to claim in the lower. A claim compares and sets
  // both, so a worker that overslept can never claim a piece of a later loop by mistake.
  private final AtomicLong ticket = new AtomicLong(CLOSED);
  private final AtomicInteger unfinished = new AtomicInteger();
  private volatile @Nullable Throwable failure;
  private volatile boolean closed;

  /**
   * @param threads how many threads compute, the caller included
   */
  public Workers(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException(threads + " threads");
    }
    for (int i = 1; i < threads; i++) {
      Worker worker = new Worker(i);
      workers.add(worker);
      worker.start();
    }
  }

  /** How many threads compute, the caller included. */
  public int threads() {
    return workers.size() + 1;
  }

  /**
   * Runs a loop over {@code count} equal pieces and returns when all are done.
   *
   * @param elements numbers touched by one of them, which says whether threads are worth waking
   */
  public void overRows(int count, long elements, Loop body) {
    if (workers.isEmpty() || count < 2 || count * elements < SMALL) {
      if (count > 0) {
        body.run(own, 0, count);
      }
      return;
    }
    share(count, Math.min(count, threads() * PIECES_PER_THREAD), body);
  }

  /** Runs {@code count} large pieces of unequal size, each claimed alone. */
  public void overItems(int count, Loop body) {
    if (workers.isEmpty() || count < 2) {
      for (int i = 0; i < count; i++) {
        body.run(own, i, i + 1);
      }
      return;
    }
    share(count, count, body);
  }

  private void share(int newCount, int newPieces, Loop body) {
    long generation = (ticket.get() >>> 32) + 1;
    ticket.set((generation << 32) | CLOSED);
    loop = body;
    count = newCount;
    pieces = newPieces;
    unfinished.set(newPieces);
    ticket.set(generation << 32);
    int helpers = Math.min(workers.size(), newPieces - 1);
    for (int i = 0; i < helpers; i++) {
      workers.get(i).wake();
    }
    work(own);
    for (int spins = 0; unfinished.get() > 0; spins++) {
      if (spins < SPINS_BEFORE_SLEEPING) {
        Thread.onSpinWait();
      } else {
        // A worker lost its core to another process in the middle of a piece.
        LockSupport.parkNanos(SLEEP_NANOS);
      }
    }
    loop = null;
    rethrow();
  }

  private void rethrow() {
    Throwable thrown = failure;
    failure = null;
    switch (thrown) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException("a loop failed", thrown);
    }
  }

  /** Claims and computes pieces until none is left. */
  private void work(Scratch scratch) {
    while (true) {
      long seen = ticket.get();
      long piece = seen & 0xFFFFFFFFL;
      Loop body = loop;
      int rows = count;
      int of = pieces;
      if (piece >= of || piece == CLOSED) {
        return;
      }
      // Success means that no later loop has begun, so what was read above belongs together.
      if (!ticket.compareAndSet(seen, seen + 1) || body == null) {
        continue;
      }
      try {
        int from = (int) (rows * piece / of);
        int to = (int) (rows * (piece + 1) / of);
        body.run(scratch, from, to);
      } catch (Throwable t) {
        failure = t;
      } finally {
        unfinished.decrementAndGet();
      }
    }
  }

  /** Bytes of scratch held by all threads. */
  public long scratchBytes() {
    long bytes = own.capacity();
    for (Worker worker : workers) {
      bytes += worker.scratch.capacity();
    }
    return bytes;
  }

  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      worker.finish();
    }
    own.close();
  }

  /** A thread that waits for loops. */
  private final class Worker {

    private final Scratch scratch = new Scratch();
    private final Thread thread;
    private volatile boolean parked;

    Worker(int number) {
      thread = Thread.ofPlatform().daemon().name("graft-loop-" + number).unstarted(this::serve);
    }

    void start() {
      thread.start();
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(thread);
      }
    }

    private void serve() {
      long generation = 0;
      while (!closed) {
        long seen = ticket.get();
        // A closed ticket is a loop that is just being written down: its turn comes.
        if (seen >>> 32 != generation && (seen & CLOSED) != CLOSED) {
          generation = seen >>> 32;
          work(scratch);
        } else {
          await(generation);
        }
      }
    }

    private void await(long generation) {
      for (int spins = 0; spins < SPINS_BEFORE_PARKING; spins++) {
        if (ticket.get() >>> 32 != generation) {
          return;
        }
        Thread.onSpinWait();
      }
      parked = true;
      if (ticket.get() >>> 32 == generation && !closed) {
        LockSupport.park(this);
      }
      parked = false;
    }

    void finish() {
      LockSupport.unpark(thread);
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
      scratch.close();
    }
  }
}
