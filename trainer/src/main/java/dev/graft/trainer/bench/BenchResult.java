package dev.graft.trainer.bench;

import dev.graft.trainer.config.Recompute;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a training benchmark measured.
 *
 * @param compute what computed, in words
 * @param shape what was computed
 * @param recompute what the backward computed again
 * @param rawGflops 10⁹ floating-point operations a second of the base products alone: median
 * @param stepGflops the same of whole steps, by {@link BenchShape#stepFlops}: median
 * @param peakGflops the same of one product of large square matrices, if it was asked for
 * @param ratio step rate by raw rate, each pair measured one after the other: median
 * @param tokensPerSecond median
 * @param peakBytes largest resident size of the process, mapped weights included; absent where the
 *     operating system does not say
 * @param allocatedBytes allocated by the kernels for the model and its steps
 * @param deviceBytesTaken of the device's own memory, by whomever, after the first step; absent
 *     where the device has none
 * @param losses mean over the targets at each step, in their order; the last shows that it learned
 * @param clockShare share of the step that measuring took
 * @param kernels where a step's time went, longest first
 */
public record BenchResult(
    String compute,
    BenchShape shape,
    Recompute recompute,
    double rawGflops,
    double stepGflops,
    OptionalDouble peakGflops,
    double ratio,
    double tokensPerSecond,
    OptionalLong peakBytes,
    long allocatedBytes,
    OptionalLong deviceBytesTaken,
    List<Double> losses,
    double clockShare,
    List<Line> kernels) {

  /**
   * One kind of operation.
   *
   * @param key its name in JSON
   * @param words its name for a person
   * @param calls a step
   * @param seconds a step
   * @param share of the step's time
   * @param gflops rate of matrix products; 0 for anything else
   */
  public record Line(
      String key, String words, double calls, double seconds, double share, double gflops) {}

  public BenchResult {
    losses = List.copyOf(losses);
    kernels = List.copyOf(kernels);
  }

  /** Lines for a person. */
  public String table() {
    var text = new StringBuilder();
    add(text, "compute   %s", compute);
    add(
        text,
        "model     %d layers, hidden %d, intermediate %d, %d heads on %d, vocabulary %d",
        shape.layers(),
        shape.hidden(),
        shape.intermediate(),
        shape.heads(),
        shape.keyValueHeads(),
        shape.vocabulary());
    add(
        text,
        "step      %d tokens%s, all of them targets, rank %d on all seven linear layers%s",
        shape.tokens(),
        shape.sequence() < shape.tokens() ? " in sequences of " + shape.sequence() : "",
        shape.rank(),
        recompute == Recompute.LAYERS ? ", activations computed again" : "");
    add(text, "raw       %.1f GFLOP/s: the base products of a step and nothing else", rawGflops);
    add(text, "step      %.1f GFLOP/s, %.1f tokens/s", stepGflops, tokensPerSecond);
    add(text, "ratio     %.3f", ratio);
    if (peakGflops.isPresent()) {
      double peak = peakGflops.getAsDouble();
      add(
          text,
          "peak      %.1f GFLOP/s: one product of large square matrices; the step has %.1f %% of it",
          peak,
          100 * stepGflops / peak);
    }
    add(
        text,
        "memory    %s at the peak, of which %.2f GB allocated for activations and the like",
        peakBytes.isPresent() ? "%.2f GB".formatted(peakBytes.getAsLong() / 1e9) : "unknown",
        allocatedBytes / 1e9);
    if (deviceBytesTaken.isPresent()) {
      add(
          text,
          "device    %.2f GB of its memory are taken, by its driver's count",
          deviceBytesTaken.getAsLong() / 1e9);
    }
    add(text, "loss      %.3f at the last step", losses.getLast());
    text.append('\n');
    add(
        text,
        "%-46s %7s %10s %7s %9s",
        "where a step's time goes",
        "calls",
        "ms",
        "share",
        "GFLOP/s");
    for (Line line : kernels) {
      add(
          text,
          "%-46s %7.0f %10.2f %6.1f%% %9s",
          line.words,
          line.calls,
          1e3 * line.seconds,
          100 * line.share,
          line.gflops > 0 ? "%.1f".formatted(line.gflops) : "");
    }
    add(text, "(measuring took %.4f %% of the step)", 100 * clockShare);
    return text.toString();
  }

  private static void add(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  /** The same as JSON. */
  public String json() {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("compute", compute);
    root.set("shape", shape.json());
    root.put("recompute", recompute.name().toLowerCase(Locale.ROOT));
    root.put("raw_gflops", rawGflops);
    root.put("step_gflops", stepGflops);
    if (peakGflops.isPresent()) {
      root.put("peak_gflops", peakGflops.getAsDouble());
      root.put("peak_share", stepGflops / peakGflops.getAsDouble());
    }
    root.put("ratio", ratio);
    root.put("tokens_per_second", tokensPerSecond);
    peakBytes.ifPresent(bytes -> root.put("peak_bytes", bytes));
    root.put("allocated_bytes", allocatedBytes);
    deviceBytesTaken.ifPresent(bytes -> root.put("device_bytes_taken", bytes));
    root.put("loss", losses.getLast());
    ArrayNode all = root.putArray("losses");
    losses.forEach(all::add);
    ObjectNode kernelsNode = root.putObject("kernels");
    for (Line line : kernels) {
      ObjectNode node = kernelsNode.putObject(line.key);
      node.put("seconds", line.seconds);
      node.put("share", line.share);
      node.put("calls", line.calls);
      if (line.gflops > 0) {
        node.put("gflops", line.gflops);
      }
    }
    return root.toPrettyString() + "\n";
  }
}
