package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Where {@code ./graft} begins. */
public final class Main {

  private Main() {}

  /** Runs a command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    // DJL must not report usage or fetch native code when its first class loads.
    System.setProperty("ai.djl.offline", "true");
    // Numbers read the same everywhere: 1,234.5.
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int code = GraftCommand.commandLine(arguments, out, err).execute(arguments);
    out.flush();
    err.flush();
    // Libraries leave threads behind that are not daemons.
    System.exit(code);
  }
}
