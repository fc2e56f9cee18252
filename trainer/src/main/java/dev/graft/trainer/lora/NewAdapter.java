package dev.graft.trainer.lora;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.config.AdapterInit;
import dev.graft.trainer.config.LayerRange;
import dev.graft.trainer.config.LoraConfig;
import dev.graft.trainer.config.LoraTargets;
import dev.graft.trainer.config.UserException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Turns the configuration's section {@code lora} into what PEFT calls it, for one model. */
public final class NewAdapter {

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
            lora.layers().isEmpty() ? null : layers(lora, model),
            lora.dora());
    List<String> adapted = adapted(config, model);
    boolean plain = !lora.dora() && lora.init() == AdapterInit.DEFAULT;
    for (VocabularyModule module : VocabularyModule.values()) {
      if (!plain && adapted.contains(module.path())) {
        throw new UserException(
            "lora.targets: %s goes with plain LoRA only; leave it out, or lora.dora and lora.init"
                .formatted(module.moduleName()));
      }
    }
    if (adapted.isEmpty()) {
      throw new UserException(
          "lora.targets: %s is none of this model's modules, such as %s"
              .formatted(String.join(", ", lora.targets()), Projection.Q_PROJ.path(0)));
    }
    requireUse("lora.rank-pattern", lora.rankPattern().keySet(), adapted);
    requireUse("lora.alpha-pattern", lora.alphaPattern().keySet(), adapted);
    return config;
  }

  /** How an adapter of this configuration begins. */
  public static Beginning beginning(LoraConfig lora) {
    return switch (lora.init()) {
      case DEFAULT -> new Beginning.Random();
      case PISSA -> new Beginning.PrincipalComponents(lora.pissaIterations());
    };
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

  private static List<String> adapted(PeftConfig config, ModelConfig model) {
    List<String> adapted = new ArrayList<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (config.selects(layer, projection)) {
          adapted.add(projection.path(layer));
        }
      }
    }
    for (VocabularyModule module : VocabularyModule.values()) {
      if (config.selects(module)) {
        requireOwnWeight(module, model);
        adapted.add(module.path());
      }
    }
    return adapted;
  }

  /** An adapter on one of two modules that share a weight can be neither merged nor served. */
  private static void requireOwnWeight(VocabularyModule module, ModelConfig model) {
    if (model.tieWordEmbeddings()) {
      throw new UserException(
          "lora.targets: %s: this base ties lm_head to embed_tokens (tie_word_embeddings), so an adapter"
                  .formatted(module.moduleName())
              + " on one of them could not be merged, and no server would load it; leave it out");
    }
  }

  private static void requireUse(String key, Collection<String> patterns, List<String> adapted) {
    for (String pattern : patterns) {
      if (adapted.stream().noneMatch(path -> PeftConfig.patternMatches(pattern, path))) {
        throw new UserException(
            "%s: '%s' is for none of the target modules; the first is %s"
                .formatted(key, pattern, adapted.getFirst()));
      }
    }
  }
}
