package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the adapters of a {@link ProjectionGroup} leave behind for their backward.
 *
 * @param ranks (T, at least R) act: h
 * @param directions (T, outᵢ) act: for each member what its magnitudes multiply; null where it has
 *     none
 */
record AdapterActivations(Tensor ranks, List<@Nullable Tensor> directions) {

  static AdapterActivations allocate(
      Kernels kernels, ModelConfig config, int tokens, StackedRanks ranks, ProjectionGroup group) {
    List<@Nullable Tensor> directions = new ArrayList<>();
    for (Projection projection : group.members()) {
      directions.add(
          ranks.keepsDirections(projection)
              ? kernels.allocate(kernels.activationType(), tokens, projection.outFeatures(config))
              : null);
    }
    return new AdapterActivations(
        kernels.allocate(kernels.activationType(), tokens, Math.max(1, ranks.of(group))),
        Collections.unmodifiableList(directions));
  }

  AdapterActivations rows(int tokens) {
    List<@Nullable Tensor> first = new ArrayList<>();
    for (Tensor direction : directions) {
      first.add(direction == null ? null : direction.rows(0, tokens));
    }
    return new AdapterActivations(ranks.rows(0, tokens), Collections.unmodifiableList(first));
  }

  /**
   * Memory for what an adapter's backward needs on the way, and nobody keeps.
   *
   * @param ranks (T, largest R) act
   * @param direction (T, widest output with magnitudes) act; null without magnitudes
   */
  record Scratch(Tensor ranks, @Nullable Tensor direction) {

    static Scratch allocate(Kernels kernels, ModelConfig config, int tokens, StackedRanks ranks) {
      int widest = ranks.widestDirection(config);
      return new Scratch(
          kernels.allocate(kernels.activationType(), tokens, Math.max(1, ranks.largest())),
          widest == 0 ? null : kernels.allocate(kernels.activationType(), tokens, widest));
    }

    Scratch rows(int tokens) {
      return new Scratch(
          ranks.rows(0, tokens), direction == null ? null : direction.rows(0, tokens));
    }
  }
}
