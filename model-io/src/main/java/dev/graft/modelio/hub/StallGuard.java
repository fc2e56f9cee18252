package dev.graft.modelio.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** Closes a stream from which nothing has come for too long: the HTTP client waits forever. */
final class StallGuard implements AutoCloseable {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  private final Thread watcher;
  private volatile long lastSign = System.nanoTime();
  private volatile boolean stalled;

  StallGuard(InputStream stream, Duration patience) {
    watcher = Thread.ofVirtual().start(() -> watch(stream, patience));
  }

  private void watch(InputStream stream, Duration patience) {
    try {
      while (System.nanoTime() - lastSign < patience.toNanos()) {
        Thread.sleep(LOOK_EVERY);
      }
      stalled = true;
      stream.close();
    } catch (InterruptedException | IOException _) {
      // Interrupted means that all went well; what close reports, the reader hears of too.
    }
  }

  /** Something has come. */
  void signOfLife() {
    lastSign = System.nanoTime();
  }

  boolean stalled() {
    return stalled;
  }

  @Override
  public void close() {
    watcher.interrupt();
  }
}
