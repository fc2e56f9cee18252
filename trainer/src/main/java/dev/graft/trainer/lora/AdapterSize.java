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
 * @param matrices those of them that are in matrices, which products read
 * @param differences whether products compute with the difference to the beginning
 * @param rank the largest of a new adapter that begins with principal components; 0 for all others
 * @param widestWeight the longest side of an adapted weight
 * @param magnitudeBytes that DoRA's lengths of rows take; 0 without
 * @param ranks that the model's buffers have to hold
 */
public record AdapterSize(
    long parameters,
    long matrices,
    boolean differences,
    int rank,
    int widestWeight,
    long magnitudeBytes,
    StackedRanks ranks)
    implements TrainableSize {

  /** Of a fresh adapter that begins as PEFT's do. */
  public static AdapterSize of(ModelConfig model, PeftConfig config) {
    return of(model, config, new Beginning.Random());
  }

  /** Of a fresh adapter. */
  public static AdapterSize of(ModelConfig model, PeftConfig config, Beginning beginning) {
    return of(ParameterLayout.of(model, config, beginning));
  }

  /** Of an adapter that exists already. */
  public static AdapterSize of(ModelConfig model, PeftAdapter adapter) {
    return of(ParameterLayout.of(model, adapter));
  }

  private static AdapterSize of(ParameterLayout layout) {
    return new AdapterSize(
        layout.size(),
        layout.magnitudes(),
        layout.differences(),
        layout.differences() ? layout.largestWidth() / 2 : 0,
        layout.widestWeight(),
        Magnitudes.bytes(layout),
        layout.ranks());
  }

  @Override
  public long parameterBytes(ElementType act) {
    long own = parameters * Float.BYTES + magnitudeBytes;
    if (differences) {
      // The beginning, the difference to it, what products read, and what finds the components.
      return own
          + 2 * matrices * (Float.BYTES + act.bytes())
          + PrincipalComponents.bytes(act, rank, widestWeight);
    }
    return act == ElementType.F32 ? own : own + matrices * act.bytes();
  }
}
