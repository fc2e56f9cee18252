package dev.graft.trainer.compare;

import dev.graft.trainer.console.Console;

/** Says now and then how far something long has come. Not for several threads at a time. */
final class Progress {

  private static final long NANOS_BETWEEN = 5_000_000_000L;

  private final Console console;
  private final String what;
  private final int all;
  private int done;
  private long said = System.nanoTime();

  Progress(Console console, String what, int all) {
    this.console = console;
    this.what = what;
    this.all = all;
  }

  void oneMore() {
    done++;
    if (System.nanoTime() - said > NANOS_BETWEEN) {
      said = System.nanoTime();
      console.say("%s: %,d of %,d".formatted(what, done, all));
    }
  }
}
