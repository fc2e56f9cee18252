package dev.graft.trainer.runtime;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * Something that another thread makes while this one does what does not need it. Native libraries
 * take as long to load as data takes to be read.
 */
public final class Meanwhile<T> implements AutoCloseable {

  private final FutureTask<T> task;
  private final boolean waits;

  /**
   * @param waits whether it is made by whoever awaits it first, and by nobody before
   */
  private Meanwhile(FutureTask<T> task, boolean waits) {
    this.task = task;
    this.waits = waits;
  }

  /** Starts to make something on a thread of its own. */
  public static <T> Meanwhile<T> start(String thread, Supplier<T> maker) {
    FutureTask<T> task = new FutureTask<>(maker::get);
    Thread.ofPlatform().daemon().name(thread).start(task);
    return new Meanwhile<>(task, false);
  }

  /** Something that is there already. */
  public static <T> Meanwhile<T> done(T value) {
    FutureTask<T> task = new FutureTask<>(() -> value);
    task.run();
    return new Meanwhile<>(task, false);
  }

  /** Something that nobody makes unless it is awaited, and then the thread that does. */
  public static <T> Meanwhile<T> onDemand(Supplier<T> maker) {
    return new Meanwhile<>(new FutureTask<>(maker::get), true);
  }

  /** Waits for it, and throws what making it threw. */
  public T await() {
    if (waits) {
      task.run(); // which does nothing the second time
    }
    try {
      return task.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for another thread", e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IllegalStateException("another thread failed", e);
      }
    }
  }

  /** Waits until the other thread is done, however it went, so that what it uses can be closed. */
  @Override
  public void close() {
    if (waits && task.cancel(false)) {
      return;
    }
    try {
      await();
    } catch (RuntimeException | Error e) {
      if (task.state() != Future.State.FAILED) {
        throw e;
      }
      // Whoever asked for it was told; where nobody asked, something else had failed before.
    }
  }

  /** Whether it was made; waits for that. */
  boolean isMade() {
    close();
    return task.state() == Future.State.SUCCESS;
  }
}
