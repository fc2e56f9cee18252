package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * How far something is: on a terminal a line that keeps changing and is gone at the end, in a log a
 * line now and then.
 */
final class LiveLine implements AutoCloseable {

  private static final long LIVE_NANOS = 200_000_000L;
  private static final long LOG_NANOS = 10_000_000_000L;

  private final PrintWriter err;
  private final boolean live;
  private final LongSupplier nanoTime;
  private long last;
  private boolean open;

  /**
   * @param live whether {@code err} is a terminal
   * @param nanoTime a clock, {@code System::nanoTime}
   */
  LiveLine(PrintWriter err, boolean live, LongSupplier nanoTime) {
    this.err = err;
    this.live = live;
    this.nanoTime = nanoTime;
    this.last = nanoTime.getAsLong();
  }

  /** Shows a line, if it is time for one. */
  void show(Supplier<String> line) {
    long now = nanoTime.getAsLong();
    if (now - last < (live ? LIVE_NANOS : LOG_NANOS)) {
      return;
    }
    last = now;
    if (live) {
      err.print("\r" + line.get() + "\033[K");
      open = true;
    } else {
      err.println(line.get());
    }
    err.flush();
  }

  /** Takes the line away. */
  @Override
  public void close() {
    if (open) {
      err.print("\r\033[K");
      err.flush();
      open = false;
    }
  }
}
