package dev.graft.modelio.merge;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowEncoding;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Writes a base model with an adapter merged in as a Hugging Face checkpoint: the same shards with
 * the same tensors, each merged weight rounded once to the type that the base has it in, the index
 * and every other file as they are.
 */
public final class MergedCheckpoint {
  /**
   * What was written.
   *
   * @param rounding what rounding to the base's types has cost
   * @param leftOut files of the base that were not carried over, since they hold the unmerged
   *     weights or are no files
   */
  public record Written(Rounding rounding, List<String> leftOut) {
    public Written {
      leftOut = List.copyOf(leftOut);
    }
  }

  private MergedCheckpoint() {}

  /**
   * Writes the model.
   *
   * @param folder is there and empty; to be renamed by the caller when all is well
   * @throws ModelIoException if it cannot be written
   */
  public static Written writeInto(Path folder, Checkpoint base, PeftAdapter adapter) {
    return writeInto(folder, base, Optional.of(adapter));
  }

  /** The same; without an adapter, the base as it is. */
  public static Written writeInto(Path folder, Checkpoint base, Optional<PeftAdapter> adapter) {
    MergedWeights weights = new MergedWeights(base, adapter);
    Rounding.Meter meter = new Rounding.Meter(weights);
    List<String> leftOut =
        RewrittenCheckpoint.rewrite(
            folder,
            base,
            name -> {
              if (!weights.changes(name)) {
                return null;
              }
              RowEncoding encoding = RowEncoding.of(base.tensor(name).dtype());
              return meter.watch(name, new EncodedRows(weights.rows(name), encoding));
            });
    return new Written(meter.total(), leftOut);
  }
}
