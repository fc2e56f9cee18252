package dev.graft.trainer.lora;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.trainer.model.ProjectionGroup;
import java.util.ArrayList;
import java.util.List;

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
   * @param a offset of A, (rank, in)
   * @param b offset of B, (out, rank)
   */
  record Module(int layer, Projection projection, int rank, int in, int out, long a, long b) {

    /** Elements of A. */
    long sizeOfA() {
      return (long) rank * in;
    }

    /** Elements of B. */
    long sizeOfB() {
      return (long) out * rank;
    }
  }

  static ParameterLayout of(ModelConfig config, LoraSpec spec) {
    List<Module> adapted = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (spec.targets().contains(projection)) {
          int in = projection.inFeatures(config);
          int out = projection.outFeatures(config);
          adapted.add(new Module(layer, projection, spec.rank(), in, out, 0, 0));
        }
      }
    }
    long a = 0;
    long b = adapted.stream().mapToLong(Module::sizeOfA).sum();
    List<Module> placed = new ArrayList<>();
    for (Module m : adapted) {
      placed.add(new Module(m.layer, m.projection, m.rank, m.in, m.out, a, b));
      a += m.sizeOfA();
      b += m.sizeOfB();
    }
    return new ParameterLayout(List.copyOf(placed), b);
  }

  /** The adapted members of one group in one layer, in stacking order; may be empty. */
  List<Module> of(int layer, ProjectionGroup group) {
    return modules.stream()
        .filter(m -> m.layer == layer && group.members().contains(m.projection))
        .toList();
  }
}
