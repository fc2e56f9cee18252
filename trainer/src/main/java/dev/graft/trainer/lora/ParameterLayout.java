package dev.graft.trainer.lora;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ProjectionGroup;
import dev.graft.trainer.model.StackedRanks;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Where each matrix of an adapter lies in the flat vector of parameters. All A matrices come first,
 * then all B matrices; within a layer the A matrices of one {@link ProjectionGroup} follow each
 * other, so that they are one stacked matrix.
 *
 * @param modules every adapted linear layer, by layer and then in the order of {@link Projection}
 * @param size length of the vector
 */
record ParameterLayout(List<Module> modules, long size) {

  /**
   * One adapted linear layer.
   *
   * @param scale what {@code x Aᵀ Bᵀ} is multiplied with
   * @param a offset of A, (rank, in)
   * @param b offset of B, (out, rank)
   */
  record Module(
      int layer, Projection projection, int rank, float scale, int in, int out, long a, long b) {

    private static Module of(ModelConfig model, PeftConfig config, int layer, Projection p) {
      int rank = config.rank(layer, p);
      float scale = (float) config.scale(layer, p);
      return new Module(layer, p, rank, scale, p.inFeatures(model), p.outFeatures(model), 0, 0);
    }

    private Module at(long a, long b) {
      return new Module(layer, projection, rank, scale, in, out, a, b);
    }

    /** Elements of A. */
    int sizeOfA() {
      return Math.multiplyExact(rank, in);
    }

    /** Elements of B. */
    int sizeOfB() {
      return Math.multiplyExact(out, rank);
    }
  }

  /** The layout of a new adapter: every module that the configuration targets. */
  static ParameterLayout of(ModelConfig model, PeftConfig config) {
    List<Module> modules = new ArrayList<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (config.selects(layer, projection)) {
          modules.add(Module.of(model, config, layer, projection));
        }
      }
    }
    return place(modules);
  }

  /** The layout of an adapter that exists: the modules it has weights for. */
  static ParameterLayout of(ModelConfig model, PeftAdapter adapter) {
    List<Module> modules = new ArrayList<>();
    for (LoraWeights weights : adapter.weights()) {
      modules.add(Module.of(model, adapter.config(), weights.layer(), weights.projection()));
    }
    return place(modules);
  }

  private static ParameterLayout place(List<Module> modules) {
    long a = 0;
    long b = modules.stream().mapToLong(Module::sizeOfA).sum();
    List<Module> placed = new ArrayList<>();
    for (Module module : modules) {
      placed.add(module.at(a, b));
      a += module.sizeOfA();
      b += module.sizeOfB();
    }
    return new ParameterLayout(List.copyOf(placed), b);
  }

  /** The adapted members of one group in one layer, in stacking order; may be empty. */
  List<Module> of(int layer, ProjectionGroup group) {
    return modules.stream()
        .filter(m -> m.layer == layer && group.members().contains(m.projection))
        .toList();
  }

  /** All A matrices, then all B matrices. */
  List<ParameterGroup> groups() {
    long b = modules.getFirst().b;
    return List.of(
        new ParameterGroup(ParameterGroup.Kind.LORA_A, 0, b),
        new ParameterGroup(ParameterGroup.Kind.LORA_B, b, size - b));
  }

  /** The ranks that the model's buffers have to hold: for each projection its largest. */
  StackedRanks ranks() {
    Map<Projection, Integer> ranks = new EnumMap<>(Projection.class);
    modules.forEach(m -> ranks.merge(m.projection, m.rank, Math::max));
    return new StackedRanks(ranks);
  }
}
