package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * How many rows have been looked at: on a terminal a line that keeps changing and is gone at the
 * end, in a log a line now and then.
 */
final class CheckProgress implements LongConsumer, AutoCloseable {

  private static final long LIVE_NANOS = 200_000_000L;
  private static final long LOG_NANOS = 10_000_000_000L;

  private final PrintWriter err;
  private final boolean live;
  private final LongSupplier nanoTime;
  private final long start;
  private long last;
  private boolean open;

  /**
   * @param live whether {@code err} is a terminal
   * @param nanoTime a clock, {@code System::nanoTime}
   */
  CheckProgress(PrintWriter err, boolean live, LongSupplier nanoTime) {
    this.err = err;
    this.live = live;
    this.nanoTime = nanoTime;
    this.start = nanoTime.getAsLong();
    this.last = start;
  }

  @Override
  public void accept(long rows) {
    long now = nanoTime.getAsLong();
    if (now - last < (live ? LIVE_NANOS : LOG_NANOS)) {
      return;
    }
    last = now;
    String line =
        String.format(
            Locale.ROOT, "checking: %,d rows, %,.0f a second", rows, rows * 1e9 / (now - start));
    if (live) {
      err.print("\r" + line + "\033[K");
      open = true;
    } else {
      err.println(line);
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
