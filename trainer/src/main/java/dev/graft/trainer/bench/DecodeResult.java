package dev.graft.trainer.bench;

import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a generation benchmark measured.
 *
 * @param compute what computed, in words
 * @param shape what was computed
 * @param sequences generated at once
 * @param stepsPerSecond steps of one token for each sequence: median
 * @param bandwidth bytes a second at which all cores together read the weights in order: median
 * @param bytesPerStep weights that one step reads: all linear layers once
 * @param ratio bytes of weights a second that decoding read by the bandwidth, measured one after
 *     the other: median
 * @param prefillTokensPerSecond tokens of a prompt of {@code shape.tokens()} read: median
 * @param rawGflops rate of the products of such a prompt and nothing else: median
 * @param prefillRatio rate of reading the prompt by {@code rawGflops}, measured one after the
 *     other: median
 */
public record DecodeResult(
    String compute,
    BenchShape shape,
    int sequences,
    double stepsPerSecond,
    double bandwidth,
    long bytesPerStep,
    double ratio,
    double prefillTokensPerSecond,
    double rawGflops,
    double prefillRatio) {

  /** Tokens of all sequences together. */
  public double tokensPerSecond() {
    return stepsPerSecond * sequences;
  }

  /** Steps a second if nothing but reading the weights took time. */
  public double allowedStepsPerSecond() {
    return bandwidth / bytesPerStep;
  }

  /** Bytes of weights that decoding read a second. */
  public double achievedBytesPerSecond() {
    return stepsPerSecond * bytesPerStep;
  }

  /** Lines for a person. */
  public String table() {
    return String.format(
        Locale.ROOT,
        """
        compute   %s
        model     %d layers, hidden %d, vocabulary %d: a step reads %.0f MB of weights
        memory    %.1f GB/s read by all cores: allows %.2f steps/s
        decode    %s: %.2f tokens/s over %d steps
        weights   %.1f GB/s read by decoding
        ratio     %.3f of what memory allows
        prefill   %.1f tokens/s over a prompt of %d: %.3f of the %.1f GFLOP/s of its products alone
        """,
        compute,
        shape.layers(),
        shape.hidden(),
        shape.vocabulary(),
        bytesPerStep / 1e6,
        bandwidth / 1e9,
        allowedStepsPerSecond(),
        sequences == 1 ? "one sequence" : sequences + " sequences at once",
        tokensPerSecond(),
        shape.tokens(),
        achievedBytesPerSecond() / 1e9,
        ratio,
        prefillTokensPerSecond,
        shape.tokens(),
        prefillRatio,
        rawGflops);
  }

  /** The same as JSON. */
  public String json() {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("compute", compute);
    root.set("shape", shape.json());
    root.put("sequences", sequences);
    root.put("tokens_per_second", tokensPerSecond());
    root.put("steps_per_second", stepsPerSecond);
    root.put("allowed_steps_per_second", allowedStepsPerSecond());
    root.put("bytes_per_step", bytesPerStep);
    root.put("achieved_bytes_per_second", achievedBytesPerSecond());
    root.put("bandwidth_bytes_per_second", bandwidth);
    root.put("ratio", ratio);
    root.put("prefill_tokens_per_second", prefillTokensPerSecond);
    root.put("prefill_raw_gflops", rawGflops);
    root.put("prefill_ratio", prefillRatio);
    return root.toPrettyString() + "\n";
  }
}
