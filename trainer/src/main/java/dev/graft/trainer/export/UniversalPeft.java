package dev.graft.trainer.export;

import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * An adapter in the form that every server reads alike: one rank, one alpha, a whole number. vLLM
 * and others pass rank_pattern and alpha_pattern over in silence and would scale wrongly; some read
 * lora_alpha as an integer. What an adapter has beyond that is worked into its matrices: smaller
 * ranks are filled up with zeros, other scales multiplied into B. The update stays the same.
 */
final class UniversalPeft {
  private UniversalPeft() {}

  /** Whether an adapter already is in that form, and so is exported bit by bit. */
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
  static PeftAdapter of(PeftAdapter adapter, String baseModel) {
    PeftConfig config = adapter.config();
    if (isUniversal(config)) {
      return new PeftAdapter(
          new PeftConfig(
              config.rank(),
              config.alpha(),
              config.dropout(),
              config.targetModules(),
              config.rslora(),
              baseModel,
              Map.of(),
              Map.of(),
              config.layersToTransform()),
          adapter.weights());
    }
    int rank = adapter.weights().stream().mapToInt(LoraWeights::rank).max().orElseThrow();
    double alpha = Math.max(1, Math.rint(config.alpha()));
    List<LoraWeights> weights = new ArrayList<>();
    for (LoraWeights lora : adapter.weights()) {
      double scale = config.scale(lora.layer(), lora.projection());
      weights.add(filledUp(lora, rank, (float) (scale / (alpha / rank))));
    }
    TargetModules targets =
        TargetModules.of(
            List.copyOf(
                adapter.weights().stream()
                    .map(LoraWeights::projection)
                    .collect(Collectors.toCollection(TreeSet::new))));
    PeftConfig universal =
        new PeftConfig(
            rank,
            alpha,
            config.dropout(),
            targets,
            false,
            baseModel,
            Map.of(),
            Map.of(),
            config.layersToTransform());
    return new PeftAdapter(universal, weights);
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
