package dev.graft.trainer.export;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.modelio.peft.VocabularyLora;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

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
      return new PeftAdapter(config, adapter.weights(), adapter.vocabulary());
    }
    int rank =
        IntStream.concat(
                adapter.weights().stream().mapToInt(LoraWeights::rank),
                adapter.vocabulary().stream().mapToInt(VocabularyLora::rank))
            .max()
            .orElseThrow();
    double alpha = Math.max(1, Math.rint(config.alpha()));
    List<LoraWeights> weights = new ArrayList<>();
    for (LoraWeights lora : adapter.weights()) {
      double scale = config.scale(lora.layer(), lora.projection());
      weights.add(filledUp(lora, rank, (float) (scale / (alpha / rank))));
    }
    List<VocabularyLora> vocabulary = new ArrayList<>();
    for (VocabularyLora lora : adapter.vocabulary()) {
      double scale = config.scale(lora.module().path());
      vocabulary.add(filledUp(lora, rank, (float) (scale / (alpha / rank))));
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
            config.layersToTransform(),
            config.dora());
    return new PeftAdapter(universal, weights, vocabulary);
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
    List<String> names = new ArrayList<>();
    if (meant.equals(paths)) {
      projections.forEach(projection -> names.add(projection.moduleName()));
    } else {
      names.addAll(paths);
    }
    adapter.vocabulary().forEach(lora -> names.add(lora.module().moduleName()));
    return adapter.config().withTargets(new TargetModules.Names(names));
  }

  private static VocabularyLora filledUp(VocabularyLora lora, int rank, float factor) {
    float[] hidden = Arrays.copyOf(lora.hidden(), rank * lora.width());
    float[] tokens = filledUp(lora.tokens(), lora.rank(), rank, factor);
    return new VocabularyLora(lora.module(), rank, tokens, hidden);
  }

  /** A matrix with more columns, which are zero. */
  private static float[] filledUp(float[] matrix, int columns, int more, float factor) {
    float[] filled = new float[matrix.length / columns * more];
    for (int i = 0; i < matrix.length; i++) {
      filled[i / columns * more + i % columns] = factor * matrix[i];
    }
    return filled;
  }

  private static LoraWeights filledUp(LoraWeights lora, int rank, float factor) {
    float[] a = Arrays.copyOf(lora.a(), rank * lora.inFeatures());
    float[] b = filledUp(lora.b(), lora.rank(), rank, factor);
    return new LoraWeights(lora.layer(), lora.projection(), rank, a, b, lora.magnitude());
  }
}
