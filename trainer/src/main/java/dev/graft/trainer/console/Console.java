package dev.graft.trainer.console;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * What a run tells a person: lines, warnings and its progress. On a terminal the progress is one
 * line that keeps changing, in a log it is a line now and then.
 */
public final class Console {

  private static final String CLEAR_TO_END_OF_LINE = "\033[K";

  /** A live line that is too long for a terminal made narrower is cut off instead of wrapped. */
  private static final String NO_WRAP = "\033[?7l";

  private static final String WRAP = "\033[?7h";

  private final PrintStream out;
  private final PrintStream err;
  private final boolean live;
  private final boolean quiet;
  private final ProgressLine progress;
  private boolean lineIsOpen;

  /**
   * @param out lines, progress, results
   * @param err warnings
   * @param live whether {@code out} is a terminal, on which a line can be written over
   * @param width columns of that terminal
   * @param quiet whether only warnings and results are shown
   * @param nanoTime a clock, {@code System::nanoTime}
   */
  public Console(
      PrintStream out,
      PrintStream err,
      boolean live,
      int width,
      boolean quiet,
      LongSupplier nanoTime) {
    this.out = out;
    this.err = err;
    this.live = live;
    this.quiet = quiet;
    this.progress = new ProgressLine(live, width, nanoTime);
  }

  /** One whose terminal, if it is one, has as many columns as is usual. */
  public Console(
      PrintStream out, PrintStream err, boolean live, boolean quiet, LongSupplier nanoTime) {
    this(out, err, live, TerminalWidth.USUAL, quiet, nanoTime);
  }

  /** The process's own streams. */
  public static Console ofProcess(boolean quiet) {
    boolean live = isTerminal();
    int width = live && !quiet ? TerminalWidth.ask() : TerminalWidth.USUAL;
    return new Console(System.out, System.err, live, width, quiet, System::nanoTime);
  }

  /** Whether a person is at both ends: standard input and standard output are a terminal. */
  public static boolean isTerminal() {
    return Optional.ofNullable(System.console()).filter(it -> it.isTerminal()).isPresent();
  }

  /**
   * Whether to write in colours: not into a file or a pipe, nor where {@code NO_COLOR} is set to
   * anything or the terminal is a dumb one.
   */
  public static boolean showsColours(boolean terminal, Map<String, String> environment) {
    return terminal
        && environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !"dumb".equals(environment.get("TERM"));
  }

  /** Says nothing at all. */
  public static Console silent() {
    var nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    return new Console(nowhere, nowhere, false, TerminalWidth.USUAL, true, System::nanoTime);
  }

  /** A line of information; left out when quiet. */
  public void say(String line) {
    if (!quiet) {
      finishLine();
      out.println(line);
    }
  }

  /** A line that matters even to those who want quiet. */
  public void result(String line) {
    finishLine();
    out.println(line);
  }

  /** Something that may be wrong but does not stop the run; always shown. */
  public void warn(String line) {
    finishLine();
    out.flush();
    err.println("warning: " + line);
  }

  /** Shows how far the run is. */
  public void step(StepProgress step) {
    if (quiet) {
      return;
    }
    progress.after(step).ifPresent(this::show);
  }

  private void show(String line) {
    if (live) {
      out.print("\r" + NO_WRAP + line + CLEAR_TO_END_OF_LINE + WRAP);
      out.flush();
      lineIsOpen = true;
    } else {
      out.println(line);
    }
  }

  /** Leaves the live line standing and goes on below it. */
  public void finishLine() {
    if (lineIsOpen) {
      out.println();
      lineIsOpen = false;
    }
  }
}
