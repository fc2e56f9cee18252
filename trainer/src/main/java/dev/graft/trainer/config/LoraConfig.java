package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * The adapter: LoRA (Hu et al. 2021), {@code y = W x + scale · B A x}, or DoRA (Liu et al. 2024).
 *
 * @param targets module names, or one regular expression over whole module paths; {@code
 *     all-linear} has become the seven names of {@link LoraTargets#ALL_LINEAR}
 * @param layers the only layers with adapters, ascending; empty for all
 * @param rankPattern ranks of single modules, by PEFT's patterns for the ends of module paths; the
 *     first that matches counts
 * @param alphaPattern alphas of single modules, likewise
 * @param initFrom folder of a PEFT adapter to start from
 */
public record LoraConfig(
    @Key(value = "rank of the adapter matrices", byDefault = "16") int rank,
    @Key(
            value = "scale numerator: the adapter's output is multiplied with alpha / rank",
            byDefault = "32")
        double alpha,
    @Key(value = "dropout on the adapter's input, in [0, 1)", byDefault = "0") double dropout,
    @Key(
            value =
                "target modules: all-linear, a list of q_proj, k_proj, v_proj, o_proj, gate_proj,"
                    + " up_proj, down_proj or ends of module paths (self_attn.q_proj), or one"
                    + " regular expression over whole paths (model.layers.0.self_attn.q_proj);"
                    + " embed_tokens and lm_head if named",
            byDefault = "all-linear")
        List<String> targets,
    @Key("the only layers with adapters, counted from 0: [0-3, 7]; default: all")
        List<LayerRange> layers,
    @Key(
            "ranks of single modules, by name or by regular expression for the end of a module"
                + " path, as in PEFT: {down_proj: 32, layers.0.self_attn.q_proj: 4}")
        Map<String, Integer> rankPattern,
    @Key("alphas of single modules, likewise") Map<String, Double> alphaPattern,
    @Key(
            value = "rsLoRA: scale with alpha / sqrt(rank) instead of alpha / rank",
            byDefault = "false")
        boolean rslora,
    @Key(
            value =
                "LoRA+: learning rate of B by that of A, which is training.learning-rate; 1 is off,"
                    + " the paper takes 16 and a lower rate",
            byDefault = "1")
        double plusRatio,
    @Key(
            value =
                "DoRA: learn the lengths of the weights' rows apart from their directions; takes more"
                    + " memory and time, and no GGUF adapter can hold it: export it merged",
            byDefault = "false")
        boolean dora,
    @Key(
            value =
                "how a new adapter begins: default (A random, B zero), or pissa (the principal"
                    + " components of the weights; exported as plain LoRA of twice the rank)",
            byDefault = "default")
        AdapterInit init,
    @Key(
            value = "iterations that find the components for pissa: more, more exactly",
            byDefault = "4")
        int pissaIterations,
    @Key(
            value =
                "folder of a PEFT adapter to start from; what it is made of (rank, alpha, targets"
                    + " and so on) is then its own",
            input = true,
            mayChange = true)
        Optional<Path> initFrom) {

  /** Far above anything useful; keeps a slip of the finger from allocating the machine away. */
  private static final int MAX_RANK = 4096;

  private static final int MAX_ITERATIONS = 100;

  /** What an adapter_config.json may hold to be read again. */
  private static final int MAX_PATTERN_LENGTH = 256;

  public LoraConfig {
    requireRank("rank", "", rank);
    requireAlpha("alpha", "", alpha);
    unless(dropout >= 0 && dropout < 1, "dropout", "is %s, has to be in [0, 1)", dropout);
    unless(plusRatio > 0, "plus-ratio", "is %s, has to be above 0", plusRatio);
    targets = LoraTargets.resolve(targets);
    unless(
        pissaIterations >= 0 && pissaIterations <= MAX_ITERATIONS,
        "pissa-iterations",
        "is %d, has to be from 0 to %d",
        pissaIterations,
        MAX_ITERATIONS);
    unless(
        init == AdapterInit.DEFAULT || initFrom.isEmpty(),
        "init",
        "pissa is a beginning, but lora.init-from goes on with an adapter that has begun; give one"
            + " of the two");
    layers = LayerRange.merged(layers);
    unless(
        layers.isEmpty() || !LoraTargets.isExpression(targets),
        "layers",
        "and a regular expression as lora.targets do not go together (PEFT refuses it): say in the"
            + " expression which layers are meant");
    unless(
        layers.isEmpty() || targets.stream().noneMatch(LoraTargets.VOCABULARY::contains),
        "layers",
        "and embed_tokens or lm_head as lora.targets do not go together: they are in no layer");
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    rankPattern.forEach((pattern, value) -> {
      requirePattern("rank-pattern", pattern);
      requireRank("rank-pattern", pattern + ": ", value);
    });
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
    alphaPattern.forEach((pattern, value) -> {
      requirePattern("alpha-pattern", pattern);
      requireAlpha("alpha-pattern", pattern + ": ", value);
    });
  }

  private static void requireRank(String key, String where, int rank) {
    unless(
        rank >= 1 && rank <= MAX_RANK,
        key,
        "%sis %d, has to be from 1 to %d",
        where,
        rank,
        MAX_RANK);
  }

  private static void requireAlpha(String key, String where, double alpha) {
    unless(alpha > 0, key, "%sis %s, has to be above 0", where, alpha);
  }

  static void requirePattern(String key, String pattern) {
    unless(
        pattern.length() <= MAX_PATTERN_LENGTH,
        key,
        "has a pattern of %d characters, %d are possible",
        pattern.length(),
        MAX_PATTERN_LENGTH);
    try {
      Pattern.compile(pattern);
    } catch (PatternSyntaxException e) {
      throw new InvalidSetting(
          key, "'%s' is not a regular expression: %s".formatted(pattern, e.getDescription()));
    }
  }

  /** What the adapter's output is multiplied with (rsLoRA: Kalajdzievski 2023, section 3). */
  public double scale() {
    return rslora ? alpha / Math.sqrt(rank) : alpha / rank;
  }
}
