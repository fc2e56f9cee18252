package dev.graft.trainer.train;

import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.kernels.DeviceOutOfMemoryError;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runtime.Meanwhile;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a run needs of the machine's memory, what there is, and what would need less.
 *
 * @param memory of the run, by class
 * @param available what this machine can give now, this process's own share included; absent where
 *     the operating system does not say
 * @param total all that the machine has, swap included; absent likewise
 * @param ways options that lower the peak, the cheapest first; each takes a layout of its own, and
 *     a run that fits needs none
 */
record MemoryNeed(
    RunMemory memory,
    OptionalLong available,
    OptionalLong total,
    Meanwhile<List<RunEstimate.Option>> ways) {

  /** What lowers the peak, the cheapest first; to be asked for while the base is open. */
  List<RunEstimate.Option> options() {
    return ways.await();
  }

  boolean fits() {
    return memory.peak() <= available.orElse(Long.MAX_VALUE);
  }

  /**
   * Before anything is allocated: refuses a run that can never fit, and warns of one that does not
   * fit now, since what other programs hold may yet become free.
   */
  void check(Console console) {
    if (memory.peak() > total.orElse(Long.MAX_VALUE)) {
      throw new UserException(
          "this run needs %s, and this %s has %s in all. %s"
              .formatted(need(), place(), megabytes(total.getAsLong()), advice(total)));
    }
    if (!fits()) {
      console.warn(
          "this run needs %s, and only %s are free: it may %s. %s"
              .formatted(
                  need(),
                  megabytes(available.getAsLong()),
                  memory.onDevice() ? "run out of memory" : "be ended by the system",
                  advice(available)));
    }
  }

  private String need() {
    return megabytes(memory.peak())
        + (memory.onDevice() ? " on the card" : " beside the base model's weights");
  }

  private String place() {
    return memory.onDevice() ? "card" : "machine";
  }

  /** What to say where memory ran out all the same. */
  UserException ranOut(OutOfMemoryError e, RunConfig config) {
    String resume =
        RunFolder.holdsRun(config.output())
            ? " What was saved is intact: ./graft train %s --resume, with such a setting, goes on from there."
                .formatted(config.output())
            : "";
    return isHeap(e)
        ? heapIsFull(e, resume)
        : new UserException(
            "out of memory: the %s gave no more (%s); this run needs %s. "
                    .formatted(memory.onDevice() ? "card" : "system", e.getMessage(), need())
                + adviceInNeed()
                + resume,
            e);
  }

  /** Memory that ran out before it was known what the run needs. */
  static UserException ranOutEarly(OutOfMemoryError e) {
    return e instanceof DeviceOutOfMemoryError
        ? new UserException(
            "out of memory: there is no room on the card for the base model and what computes it: %s. End those, take a smaller base model, or use device: cpu."
                .formatted(e.getMessage()),
            e)
        : heapIsFull(e, "");
  }

  private static boolean isHeap(OutOfMemoryError e) {
    String message = Optional.ofNullable(e.getMessage()).orElse("");
    return message.startsWith("Java heap space") || message.startsWith("GC overhead");
  }

  /** Java's own memory holds the examples, and little else. */
  static UserException heapIsFull(OutOfMemoryError e, String more) {
    return new UserException(
        "out of memory: Java's heap of %s is full. It holds the examples; give it more, e.g. by"
                .formatted(megabytes(Runtime.getRuntime().maxMemory()))
            + " GRAFT_JAVA_OPTIONS=-Xmx8g, or train on fewer."
            + more,
        e);
  }

  /**
   * The cheapest setting that helps.
   *
   * @param limit what it has to stay below; empty where any will do
   */
  private String advice(OptionalLong limit) {
    Optional<RunEstimate.Option> cheapest =
        options().stream()
            .filter(option -> option.peak() <= limit.orElse(Long.MAX_VALUE))
            .findFirst();
    return cheapest
        .map(option ->
            "The cheapest that helps: --set %s (%s, %s)."
                .formatted(option.setting(), megabytes(option.peak()), option.cost()))
        .orElse(
            "No setting of micro-batches or recomputing makes it fit; './graft plan' lists what"
                + " takes the memory.");
  }

  /** Where there may not be the memory to find out what would help. */
  private String adviceInNeed() {
    try {
      return advice(OptionalLong.empty());
    } catch (OutOfMemoryError | IllegalStateException e) {
      return "'./graft plan' lists what takes the memory, and what would need less.";
    }
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, "%,.0f MB", bytes / 1e6);
  }
}
