package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import java.util.Map;

/**
 * The rank of the adapter on each projection, from which buffer sizes follow; a projection that is
 * not adapted is absent.
 *
 * @param vocabulary likewise of the embedding and the output projection
 * @param magnitudes whether the adapters have magnitudes (DoRA), whose gradient needs what they
 *     multiply
 */
public record StackedRanks(
    Map<Projection, Integer> ranks, Map<VocabularyModule, Integer> vocabulary, boolean magnitudes) {

  /** No adapter at all. */
  public static final StackedRanks NONE = new StackedRanks(Map.of(), Map.of(), false);

  public StackedRanks {
    ranks = Map.copyOf(ranks);
    vocabulary = Map.copyOf(vocabulary);
  }

  /** The rank on the embedding or the output projection; 0 where it is not adapted. */
  int of(VocabularyModule module) {
    return vocabulary.getOrDefault(module, 0);
  }

  /** R of a group: the sum of its members' ranks. */
  public int of(ProjectionGroup group) {
    return group.members().stream().mapToInt(p -> ranks.getOrDefault(p, 0)).sum();
  }

  /** Whether what a projection's magnitudes multiply is kept. */
  boolean keepsDirections(Projection projection) {
    return magnitudes && ranks.containsKey(projection);
  }

  /** The widest output that magnitudes multiply; 0 where there are none. */
  int widestDirection(ModelConfig config) {
    return magnitudes
        ? ranks.keySet().stream().mapToInt(p -> p.outFeatures(config)).max().orElse(0)
        : 0;
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
