package dev.graft.trainer.cli;

import dev.graft.trainer.runtime.Meanwhile;
import dev.graft.trainer.runtime.NativeLibraries;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
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
    int code;
    try (Meanwhile<?> _ = libraries(List.of(arguments))) {
      code = GraftCommand.commandLine(arguments, out, err).execute(arguments);
    }
    out.flush();
    err.flush();
    // Libraries leave threads behind that are not daemons.
    System.exit(code);
  }

  /** Training is certain to compute, unless help is all that is wanted. */
  private static Meanwhile<?> libraries(List<String> arguments) {
    boolean computes =
        !arguments.isEmpty()
            && arguments.getFirst().equals("train")
            && Collections.disjoint(arguments, List.of("-h", "--help"));
    return computes ? NativeLibraries.loadAhead() : Meanwhile.done(arguments);
  }
}
