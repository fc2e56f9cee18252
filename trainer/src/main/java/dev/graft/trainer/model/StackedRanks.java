package dev.graft.trainer.model;

import dev.graft.modelio.Projection;
import java.util.Map;

/**
 * The rank of the adapter on each projection, from which buffer sizes follow; a projection that is
 * not adapted is absent.
 */
public record StackedRanks(Map<Projection, Integer> ranks) {

  /** No adapter at all. */
  public static final StackedRanks NONE = new StackedRanks(Map.of());

  public StackedRanks {
    ranks = Map.copyOf(ranks);
  }

  /** R of a group: the sum of its members' ranks. */
  public int of(ProjectionGroup group) {
    return group.members().stream().mapToInt(p -> ranks.getOrDefault(p, 0)).sum();
  }

  /** The largest R of the four groups. */
  int largest() {
    int largest = 0;
    for (ProjectionGroup group : ProjectionGroup.values()) {
      largest = Math.max(largest, of(group));
    }
    return largest;
  }
}
