package dev.graft.trainer.bench;

import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a generation benchmark measured.
 *
 * @param compute what computed, in words
 * @param shape what was computed
 * @param tokensPerSecond generated one after another by one sequence: median
 * @param bandwidth bytes a second at which all cores together read the weights in order: median
 * @param bytesPerToken weights that one token reads: all linear layers once
 * @param ratio tokens a second by what the bandwidth allows, measured one after the other: median
 */
public record DecodeResult(
    String compute,
    BenchShape shape,
    double tokensPerSecond,
    double bandwidth,
    long bytesPerToken,
    double ratio) {

  /** Tokens a second if nothing but reading the weights took time. */
  public double allowedTokensPerSecond() {
    return bandwidth / bytesPerToken;
  }

  /** Lines for a person. */
  public String table() {
    return String.format(
        Locale.ROOT,
        """
        compute   %s
        model     %d layers, hidden %d, vocabulary %d: a token reads %.0f MB of weights
        memory    %.1f GB/s read by all cores: allows %.2f tokens/s
        decode    %.2f tokens/s over %d tokens
        ratio     %.3f
        """,
        compute,
        shape.layers(),
        shape.hidden(),
        shape.vocabulary(),
        bytesPerToken / 1e6,
        bandwidth / 1e9,
        allowedTokensPerSecond(),
        tokensPerSecond,
        shape.tokens(),
        ratio);
  }

  /** The same as JSON. */
  public String json() {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("compute", compute);
    root.set("shape", shape.json());
    root.put("tokens_per_second", tokensPerSecond);
    root.put("allowed_tokens_per_second", allowedTokensPerSecond());
    root.put("bandwidth_bytes_per_second", bandwidth);
    root.put("bytes_per_token", bytesPerToken);
    root.put("ratio", ratio);
    return root.toPrettyString() + "\n";
  }
}
