package dev.graft.modelio.peft;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.VocabularyModule;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What adapter_config.json says about a LoRA adapter.
 *
 * @param rank of the adapters that {@code rankPattern} does not name
 * @param alpha of the adapters that {@code alphaPattern} does not name; the scale is alpha / rank
 * @param dropout of the input to A while training, from 0 up to but not including 1
 * @param targetModules which modules have adapters
 * @param rslora whether the scale is alpha / sqrt(rank) instead
 * @param baseModel the folder or hub name of the model it belongs to; may be empty
 * @param rankPattern ranks of single modules, by PEFT's patterns for module paths
 * @param alphaPattern alphas of single modules, likewise
 * @param layersToTransform the only layers that have adapters; null means all of them
 * @param dora whether the adapters have magnitudes (DoRA, Liu et al. 2024)
 */
public record PeftConfig(
    int rank,
    double alpha,
    double dropout,
    TargetModules targetModules,
    boolean rslora,
    String baseModel,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern,
    @Nullable List<Integer> layersToTransform,
    boolean dora) {

  /** The largest rank that is believed when it comes from a file. */
  public static final int MAX_RANK = 8192;

  public PeftConfig {
    requireRank("r", rank);
    requireAlpha("lora_alpha", alpha);
    if (!(dropout >= 0 && dropout < 1)) {
      throw new ModelIoException("lora_dropout is " + dropout + "; it must be in [0, 1).");
    }
    // The first pattern that matches is the one that counts, so that their order stays.
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    rankPattern.forEach((key, r) -> requireRank("rank_pattern." + key, r));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
    alphaPattern.forEach((key, a) -> requireAlpha("alpha_pattern." + key, a));
    layersToTransform = layersToTransform == null ? null : List.copyOf(layersToTransform);
  }

  /** Without magnitudes. */
  public PeftConfig(
      int rank,
      double alpha,
      double dropout,
      TargetModules targetModules,
      boolean rslora,
      String baseModel,
      Map<String, Integer> rankPattern,
      Map<String, Double> alphaPattern,
      @Nullable List<Integer> layersToTransform) {
    this(
        rank,
        alpha,
        dropout,
        targetModules,
        rslora,
        baseModel,
        rankPattern,
        alphaPattern,
        layersToTransform,
        false);
  }

  /** One rank and alpha for these projections of every layer. */
  public static PeftConfig of(
      int rank,
      double alpha,
      double dropout,
      List<Projection> targets,
      boolean rslora,
      String baseModel) {
    return new PeftConfig(
        rank,
        alpha,
        dropout,
        TargetModules.of(targets),
        rslora,
        baseModel,
        Map.of(),
        Map.of(),
        null);
  }

  /**
   * Reads an adapter_config.json.
   *
   * @throws ModelIoException naming the key where the file is damaged or asks for something other
   *     than plain LoRA on linear layers
   */
  public static PeftConfig read(Path file) {
    return new PeftConfigReader(file).read();
  }

  /** The text of an adapter_config.json with every key that current PEFT writes. */
  public String toJson() {
    return StrictJson.print(PeftConfigWriter.write(this));
  }

  /** The rank of one module's adapter. */
  public int rank(int layer, Projection projection) {
    return rank(projection.path(layer));
  }

  /** The rank of the adapter of the module at a path. */
  public int rank(String path) {
    return ModulePatterns.find(rankPattern, path, rank);
  }

  /** The alpha of one module's adapter. */
  public double alpha(int layer, Projection projection) {
    return alpha(projection.path(layer));
  }

  private double alpha(String path) {
    return ModulePatterns.find(alphaPattern, path, alpha);
  }

  /**
   * What B·A of one module is multiplied with: alpha / rank (Hu et al. 2021), or alpha / sqrt(rank)
   * (rsLoRA, Kalajdzievski 2023).
   */
  public double scale(int layer, Projection projection) {
    return scale(projection.path(layer));
  }

  /** {@link #scale(int, Projection)} of the module at a path. */
  public double scale(String path) {
    double alpha = alpha(path);
    int rank = rank(path);
    return rslora ? alpha / Math.sqrt(rank) : alpha / rank;
  }

  /**
   * Whether a module should have an adapter; null where an expression, which is Python's, has to
   * say it: of an adapter that exists, the weights say the same more surely.
   */
  public @Nullable Boolean targets(int layer, Projection projection) {
    if (layersToTransform != null && !layersToTransform.contains(layer)) {
      return false;
    }
    return switch (targetModules) {
      case TargetModules.Names names -> names.matches(projection.path(layer));
      case TargetModules.AllLinear() -> true;
      case TargetModules.Expression _ -> null;
    };
  }

  /** Likewise of the embedding or the output projection, which have to be named. */
  public @Nullable Boolean targets(VocabularyModule module) {
    if (layersToTransform != null) {
      return false;
    }
    return switch (targetModules) {
      case TargetModules.Names names -> names.matches(module.path());
      case TargetModules.AllLinear() -> false;
      case TargetModules.Expression _ -> null;
    };
  }

  /** {@link #selects(int, Projection)} for the embedding or the output projection. */
  public boolean selects(VocabularyModule module) {
    return targetModules instanceof TargetModules.Expression(String regex)
        ? ModulePatterns.isWhole(regex, module.path())
        : Boolean.TRUE.equals(targets(module));
  }

  /**
   * Whether a new adapter has weights for a module. Where {@link #targets} leaves an expression to
   * the file that it came with, this matches it, as Java understands it.
   *
   * @throws ModelIoException if Java does not understand it
   */
  public boolean selects(int layer, Projection projection) {
    return targetModules instanceof TargetModules.Expression(String regex)
        ? ModulePatterns.isWhole(regex, projection.path(layer))
        : Boolean.TRUE.equals(targets(layer, projection));
  }

  /** Whether a key of {@code rank_pattern} or {@code alpha_pattern} is for a module. */
  public static boolean patternMatches(String key, String path) {
    return ModulePatterns.matches(key, path);
  }

  /** The same with another {@code base_model_name_or_path}. */
  public PeftConfig withBaseModel(String name) {
    return new PeftConfig(
        rank,
        alpha,
        dropout,
        targetModules,
        rslora,
        name,
        rankPattern,
        alphaPattern,
        layersToTransform,
        dora);
  }

  /** The same with another dropout. */
  public PeftConfig withDropout(double rate) {
    return new PeftConfig(
        rank,
        alpha,
        rate,
        targetModules,
        rslora,
        baseModel,
        rankPattern,
        alphaPattern,
        layersToTransform,
        dora);
  }

  /** Of adapters with twice the ranks, and alphas such that their scales are the same. */
  public PeftConfig withTwiceTheRank() {
    double factor = rslora ? Math.sqrt(2) : 2;
    Map<String, Integer> ranks = new LinkedHashMap<>();
    rankPattern.forEach((key, r) -> ranks.put(key, 2 * r));
    Map<String, Double> alphas = new LinkedHashMap<>();
    alphaPattern.forEach((key, a) -> alphas.put(key, factor * a));
    return new PeftConfig(
        2 * rank,
        factor * alpha,
        dropout,
        targetModules,
        rslora,
        baseModel,
        ranks,
        alphas,
        layersToTransform,
        dora);
  }

  /** The same for other modules, of all layers. */
  public PeftConfig withTargets(TargetModules targets) {
    return new PeftConfig(
        rank, alpha, dropout, targets, rslora, baseModel, rankPattern, alphaPattern, null, dora);
  }

  private static void requireRank(String key, int rank) {
    if (rank < 1 || rank > MAX_RANK) {
      throw new ModelIoException(
          "%s is %d; a rank is between 1 and %d.".formatted(key, rank, MAX_RANK));
    }
  }

  private static void requireAlpha(String key, double alpha) {
    if (!(alpha > 0 && alpha <= 1e9)) {
      throw new ModelIoException(key + " is " + alpha + "; a positive number is expected.");
    }
  }
}
