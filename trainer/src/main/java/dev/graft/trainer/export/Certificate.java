package dev.graft.trainer.export;

import dev.graft.modelio.StrictJson;
import dev.graft.modelio.merge.Rounding;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What was measured about an export: {@code parity.json}.
 *
 * @param base as a user names it, its folder, and its fingerprint
 * @param adapter its folder, and the SHA-256 of its weights; absent for a whole model
 * @param effect how far the base without the adapter is from base and adapter
 * @param files SHA-256 of every file, by its path in the export
 */
record Certificate(
    Base base,
    Optional<Adapter> adapter,
    GoldenPrompts prompts,
    int greedyTokens,
    Divergence effect,
    List<Line> lines,
    Map<String, String> files) {
  static final String FILE = "parity.json";
  static final int VERSION = 1;

  record Base(String name, String folder, String fingerprint) {}

  record Adapter(String folder, String sha256) {}

  /**
   * One artifact's part.
   *
   * @param violations of the tolerance, a sentence each
   */
  record Line(Artifact artifact, Divergence found, Tolerance tolerance, List<String> violations) {
    boolean passed() {
      return violations.isEmpty();
    }
  }

  boolean passed() {
    return lines.stream().allMatch(Line::passed);
  }

  /** The file's text. */
  String json() {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("version", VERSION);
    root.put("verdict", verdict(passed()));
    root.putObject("base")
        .put("name", base.name())
        .put("folder", base.folder())
        .put("fingerprint", base.fingerprint());
    adapter.ifPresent(
        it -> root.putObject("adapter").put("folder", it.folder()).put("sha256", it.sha256()));
    root.putObject("prompts")
        .put("source", prompts.source())
        .put("why", prompts.why())
        .put("count", prompts.prompts().size())
        .put("tokens", prompts.tokens())
        .put("greedy_tokens_each", greedyTokens)
        .put("sha256", prompts.sha256());
    if (adapter.isPresent()) {
      put(root.putObject("adapter_effect"), effect);
    }
    ArrayNode artifacts = root.putArray("artifacts");
    lines.forEach(line -> put(artifacts.addObject(), line));
    ObjectNode hashes = root.putObject("files");
    files.forEach(hashes::put);
    return StrictJson.print(root);
  }

  private static void put(ObjectNode json, Line line) {
    Artifact artifact = line.artifact();
    json.put("target", artifact.target().label());
    json.put("path", artifact.path());
    json.put("type", artifact.type());
    json.put("verdict", verdict(line.passed()));
    put(json, line.found());
    json.putObject("tolerance")
        .put("max_logit_difference_in_spreads", line.tolerance().maxLogit())
        .put("mean_kl", line.tolerance().meanKl())
        .put("equal_greedy_share", line.tolerance().equalShare())
        .put("mean_kl_as_share_of_adapter_effect", Tolerance.SHARE_OF_EFFECT)
        .put("reason", line.tolerance().reason());
    strings(json.putArray("violations"), line.violations());
    artifact.rounding().ifPresent(rounding -> put(json.putObject("rounding"), rounding));
    strings(json.putArray("notes"), artifact.notes());
  }

  private static void strings(ArrayNode array, List<String> strings) {
    strings.forEach(array::add);
  }

  private static void put(ObjectNode json, Divergence divergence) {
    json.put("max_logit_difference", divergence.maxLogit());
    json.put("mean_logit_difference", divergence.meanLogit());
    json.put("logit_spread", divergence.spread());
    json.put("mean_kl", divergence.meanKl());
    json.put("max_kl", divergence.maxKl());
    json.put("equal_greedy_tokens", divergence.equalGreedy());
    json.put("greedy_tokens", divergence.greedyTokens());
    json.put("equal_greedy_share", divergence.equalShare());
  }

  private static void put(ObjectNode json, Rounding rounding) {
    json.put("max_absolute", rounding.maxAbsolute());
    json.put("worst_tensor", rounding.worstTensor());
    json.put("max_relative", rounding.maxRelative());
    json.put("norm_relative_to_weights", rounding.relativeToWeights());
    // JSON has no NaN: an adapter that changes nothing has nothing to lose.
    Optional.of(rounding.relativeToUpdate())
        .filter(Double::isFinite)
        .ifPresent(share -> json.put("norm_relative_to_update", share));
  }

  private static String verdict(boolean passed) {
    return passed ? "passed" : "failed";
  }
}
