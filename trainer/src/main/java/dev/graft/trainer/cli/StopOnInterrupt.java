package dev.graft.trainer.cli;

import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;

/**
 * Makes Ctrl-C, a polite kill and a terminal that closes ask the run to stop instead of ending the
 * process. The second one ends it at once.
 *
 * <p>A shutdown hook will not do: all hooks run at the same time, those of the native libraries
 * among them, and they would take away the memory that the last step still computes with. {@code
 * sun.misc.Signal} is reached by reflection because the compiler warns of it whatever one does; it
 * is exported by {@code jdk.unsupported}, which every JDK has.
 */
final class StopOnInterrupt {

  /** What shells report for a process that Ctrl-C ended. */
  private static final int INTERRUPTED = 130;

  private StopOnInterrupt() {}

  static void install(StopSignal stop, Console console) {
    var lookup = MethodHandles.lookup();
    for (String name : List.of("INT", "TERM", "HUP")) {
      try {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        MethodHandle stopping =
            lookup.findStatic(
                StopOnInterrupt.class,
                "onSignal",
                MethodType.methodType(void.class, StopSignal.class, Console.class));
        MethodHandle onSignal =
            MethodHandles.dropArguments(
                MethodHandles.insertArguments(stopping, 0, stop, console), 0, signal);
        signal
            .getMethod("handle", signal, handler)
            .invoke(
                null,
                signal.getConstructor(String.class).newInstance(name),
                MethodHandleProxies.asInterfaceInstance(handler, onSignal));
      } catch (ReflectiveOperationException e) {
        // Without it (-Xrs, another JVM) Ctrl-C ends the process as it always did.
        console.say("Ctrl-C will end this run without saving: " + e.getMessage());
      }
    }
  }

  @SuppressWarnings("UnusedMethod") // found by its name above
  private static void onSignal(StopSignal stop, Console console) {
    if (stop.requested()) {
      Runtime.getRuntime().halt(INTERRUPTED);
    }
    stop.request();
    console.say("stopping after this step and saving (once more to end at once)");
  }
}
