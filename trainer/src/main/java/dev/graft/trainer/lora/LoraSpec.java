package dev.graft.trainer.lora;

import dev.graft.modelio.Projection;
import dev.graft.trainer.model.StackedRanks;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * What an adapter is made of.
 *
 * @param rank r of every adapted layer
 * @param alpha the numerator of the scale
 * @param rslora whether the scale is {@code alpha / sqrt(r)} (Kalajdzievski 2023) instead of {@code
 *     alpha / r}
 * @param targets which linear layers are adapted
 */
public record LoraSpec(int rank, double alpha, boolean rslora, Set<Projection> targets) {

  public LoraSpec {
    targets = Set.copyOf(targets);
    if (rank < 1 || !(alpha > 0) || targets.isEmpty()) {
      throw new IllegalArgumentException(
          "rank %d, alpha %s, targets %s".formatted(rank, alpha, targets));
    }
  }

  /** Target modules by their names in checkpoints, e.g. {@code q_proj}. */
  public static Set<Projection> targets(Collection<String> names) {
    Set<Projection> targets = EnumSet.noneOf(Projection.class);
    names.forEach(name -> targets.add(Projection.parse(name)));
    return targets;
  }

  /** What {@code x Aᵀ Bᵀ} is multiplied with. */
  public float scale() {
    return (float) (rslora ? alpha / Math.sqrt(rank) : alpha / rank);
  }

  /** The ranks that the model's buffers have to hold. */
  public StackedRanks ranks() {
    Map<Projection, Integer> ranks = new EnumMap<>(Projection.class);
    targets.forEach(projection -> ranks.put(projection, rank));
    return new StackedRanks(ranks);
  }
}
