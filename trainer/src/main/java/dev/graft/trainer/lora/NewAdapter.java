package dev.graft.trainer.lora;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.config.LayerRange;
import dev.graft.trainer.config.LoraConfig;
import dev.graft.trainer.config.LoraTargets;
import dev.graft.trainer.config.UserException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Turns the configuration's section {@code lora} into what PEFT calls it, for one model. */
public final class NewAdapter {

  /** A linear layer of the model. */
  private record Place(int layer, Projection projection) {}

  private NewAdapter() {}

  /**
   * What an adapter of this configuration is made of.
   *
   * @param baseModel what the adapter calls its base
   * @throws UserException if the configuration asks for layers that the model has not, or names
   *     something that is no module of it: PEFT would pass that over in silence
   */
  public static PeftConfig config(LoraConfig lora, ModelConfig model, String baseModel) {
    PeftConfig config =
        new PeftConfig(
            lora.rank(),
            lora.alpha(),
            lora.dropout(),
            targets(lora),
            lora.rslora(),
            baseModel,
            lora.rankPattern(),
            lora.alphaPattern(),
            lora.layers().isEmpty() ? null : layers(lora, model));
    List<Place> adapted = adapted(config, model);
    if (adapted.isEmpty()) {
      throw new UserException(
          "lora.targets: %s is none of this model's modules, such as %s"
              .formatted(String.join(", ", lora.targets()), Projection.Q_PROJ.path(0)));
    }
    requireUse("lora.rank-pattern", lora.rankPattern().keySet(), adapted);
    requireUse("lora.alpha-pattern", lora.alphaPattern().keySet(), adapted);
    return config;
  }

  private static TargetModules targets(LoraConfig lora) {
    return LoraTargets.isExpression(lora.targets())
        ? new TargetModules.Expression(lora.targets().getFirst())
        : new TargetModules.Names(lora.targets());
  }

  private static List<Integer> layers(LoraConfig lora, ModelConfig model) {
    List<Integer> layers = LayerRange.layers(lora.layers());
    if (layers.getLast() >= model.layers()) {
      throw new UserException(
          "lora.layers: there is no layer %d; the model has %d, 0 to %d"
              .formatted(layers.getLast(), model.layers(), model.layers() - 1));
    }
    return layers;
  }

  private static List<Place> adapted(PeftConfig config, ModelConfig model) {
    List<Place> adapted = new ArrayList<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (config.selects(layer, projection)) {
          adapted.add(new Place(layer, projection));
        }
      }
    }
    return adapted;
  }

  private static void requireUse(String key, Collection<String> patterns, List<Place> adapted) {
    for (String pattern : patterns) {
      if (adapted.stream()
          .noneMatch(place -> PeftConfig.patternMatches(pattern, place.layer, place.projection))) {
        throw new UserException(
            "%s: '%s' is for none of the target modules; the first is %s"
                .formatted(
                    key, pattern, adapted.getFirst().projection.path(adapted.getFirst().layer)));
      }
    }
  }
}
