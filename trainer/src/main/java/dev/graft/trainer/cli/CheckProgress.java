package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** How many rows have been looked at. */
final class CheckProgress implements LongConsumer, AutoCloseable {

  private final LiveLine line;
  private final LongSupplier nanoTime;
  private final long start;

  /**
   * @param live whether {@code err} is a terminal
   * @param nanoTime a clock, {@code System::nanoTime}
   */
  CheckProgress(PrintWriter err, boolean live, LongSupplier nanoTime) {
    this.start = nanoTime.getAsLong();
    this.line = new LiveLine(err, live, nanoTime);
    this.nanoTime = nanoTime;
  }

  @Override
  public void accept(long rows) {
    line.show(() ->
        String.format(
            Locale.ROOT,
            "checking: %,d rows, %,.0f a second",
            rows,
            rows * 1e9 / (nanoTime.getAsLong() - start)));
  }

  /** Takes the line away. */
  @Override
  public void close() {
    line.close();
  }
}
