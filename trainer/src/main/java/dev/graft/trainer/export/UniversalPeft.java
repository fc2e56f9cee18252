package dev.graft.trainer.export;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * An adapter in the form that every server reads alike: one rank, one alpha, a whole number, and
 * target modules by name. vLLM and others pass rank_pattern and alpha_pattern over in silence and
 * would scale wrongly; some read lora_alpha as an integer. What an adapter has beyond that is
 * worked into its matrices: smaller ranks are filled up with zeros, other scales multiplied into B.
 * The update stays the same.
 */
final class UniversalPeft {
  private UniversalPeft() {}

  /** Whether the matrices already are in that form, and so are exported bit by bit. */
  static boolean isUniversal(PeftConfig config) {
    return config.rankPattern().isEmpty()
        && config.alphaPattern().isEmpty()
        && config.alpha() == Math.rint(config.alpha());
  }

  /**
   * The adapter in that form.
   *
   * @param baseModel what {@code base_model_name_or_path} shall say
   */
  static PeftAdapter of(PeftAdapter adapter, ModelConfig model, String baseModel) {
    PeftConfig config = named(adapter, model).withBaseModel(baseModel);
    if (isUniversal(config)) {
      return new PeftAdapter(config, adapter.weights());
    }
    int rank = adapter.weights().stream().mapToInt(LoraWeights::rank).max().orElseThrow();
    double alpha = Math.max(1, Math.rint(config.alpha()));
    List<LoraWeights> weights = new ArrayList<>();
    for (LoraWeights lora : adapter.weights()) {
      double scale = config.scale(lora.layer(), lora.projection());
      weights.add(filledUp(lora, rank, (float) (scale / (alpha / rank))));
    }
    PeftConfig universal =
        new PeftConfig(
            rank,
            alpha,
            config.dropout(),
            config.targetModules(),
            false,
            baseModel,
            Map.of(),
            Map.of(),
            config.layersToTransform());
    return new PeftAdapter(universal, weights);
  }

  /** The configuration with names for an expression: of modules, or of each path where need be. */
  private static PeftConfig named(PeftAdapter adapter, ModelConfig model) {
    if (!(adapter.config().targetModules() instanceof TargetModules.Expression)) {
      return adapter.config();
    }
    Set<Projection> projections = new TreeSet<>();
    Set<String> paths = new TreeSet<>();
    for (LoraWeights lora : adapter.weights()) {
      projections.add(lora.projection());
      paths.add(lora.projection().path(lora.layer()));
    }
    Set<String> meant = new HashSet<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : projections) {
        meant.add(projection.path(layer));
      }
    }
    return adapter
        .config()
        .withTargets(
            meant.equals(paths)
                ? TargetModules.of(List.copyOf(projections))
                : new TargetModules.Names(List.copyOf(paths)));
  }

  private static LoraWeights filledUp(LoraWeights lora, int rank, float factor) {
    float[] a = Arrays.copyOf(lora.a(), rank * lora.inFeatures());
    float[] b = new float[lora.outFeatures() * rank];
    for (int row = 0; row < lora.outFeatures(); row++) {
      for (int r = 0; r < lora.rank(); r++) {
        b[row * rank + r] = factor * lora.b()[row * lora.rank() + r];
      }
    }
    return new LoraWeights(lora.layer(), lora.projection(), rank, a, b);
  }
}
