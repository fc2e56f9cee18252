package dev.graft.trainer.optim;

import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A stretch of the vector of parameters that is updated alike.
 *
 * @param to index behind its last parameter
 * @param factor what its updates are multiplied with
 * @param weightDecay λ
 */
record OptimizerPart(long from, long to, double factor, double weightDecay) {

  /** As few stretches as groups differ. */
  static List<OptimizerPart> of(List<ParameterGroup> groups, double weightDecay, double plusRatio) {
    List<OptimizerPart> parts = new ArrayList<>();
    for (ParameterGroup group : groups) {
      double factor = group.kind() == ParameterGroup.Kind.LORA_B ? plusRatio : 1;
      double decay = group.kind().decays() ? weightDecay : 0;
      OptimizerPart part = new OptimizerPart(group.from(), group.to(), factor, decay);
      OptimizerPart before = parts.isEmpty() ? null : parts.getLast();
      if (before != null
          && before.factor == part.factor
          && before.weightDecay == part.weightDecay) {
        parts.removeLast();
        part = new OptimizerPart(before.from, part.to, part.factor, part.weightDecay);
      }
      parts.add(part);
    }
    return List.copyOf(parts);
  }

  /** This stretch of a (1, n) tensor. */
  Tensor of(Tensor vector) {
    return vector.columns(Math.toIntExact(from), Math.toIntExact(to - from));
  }
}
