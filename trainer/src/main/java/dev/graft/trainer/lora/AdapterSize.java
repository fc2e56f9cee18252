package dev.graft.trainer.lora;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TrainableSize;
import dev.graft.trainer.tensor.ElementType;

/**
 * What an adapter will take, known before it exists: from the same layout that it is made from.
 *
 * @param parameters trainable numbers
 * @param ranks that the model's buffers have to hold
 */
public record AdapterSize(long parameters, StackedRanks ranks) implements TrainableSize {

  /** Of a fresh adapter. */
  public static AdapterSize of(ModelConfig model, PeftConfig config) {
    return of(ParameterLayout.of(model, config));
  }

  /** Of an adapter that exists already. */
  public static AdapterSize of(ModelConfig model, PeftAdapter adapter) {
    return of(ParameterLayout.of(model, adapter));
  }

  private static AdapterSize of(ParameterLayout layout) {
    return new AdapterSize(layout.size(), layout.ranks());
  }

  @Override
  public long parameterBytes(ElementType act) {
    return parameters * (Float.BYTES + (act == ElementType.F32 ? 0 : act.bytes()));
  }
}
