package dev.graft.trainer.full;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.TensorNames;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TrainableSize;
import dev.graft.trainer.tensor.ElementType;

/**
 * What full fine-tuning will take beside activations, known before anything is allocated: from the
 * same layout that {@link FullWeights} is made from.
 *
 * @param parameters trainable numbers
 * @param multiplied how many of them products read
 */
public record FullSize(long parameters, long multiplied) implements TrainableSize {

  /** Of a model with this configuration. */
  public static FullSize of(ModelConfig config) {
    WeightLayout layout = WeightLayout.of(config);
    long multiplied =
        layout.weights().values().stream()
            .filter(weight -> WeightLayout.isMultiplied(weight.name(), weight))
            .mapToLong(WeightLayout.Weight::size)
            .sum();
    if (config.tieWordEmbeddings()) {
      multiplied += layout.of(TensorNames.LM_HEAD).size();
    }
    return new FullSize(layout.size(), multiplied);
  }

  /** None: nothing is adapted. */
  @Override
  public StackedRanks ranks() {
    return StackedRanks.NONE;
  }

  @Override
  public long parameterBytes(ElementType act) {
    return Float.BYTES * parameters + (act == ElementType.F32 ? 0 : act.bytes() * multiplied);
  }
}
