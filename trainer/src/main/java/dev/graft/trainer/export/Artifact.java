package dev.graft.trainer.export;

import dev.graft.modelio.merge.Rounding;
import java.util.List;
import java.util.Optional;

/**
 * One thing that was exported.
 *
 * @param path in the export's folder: a file or a folder
 * @param type what its matrices are stored as: {@code f32}, {@code bf16}, {@code q8_0}, …
 * @param rounding what storing the merged weights has cost; absent where nothing was merged
 * @param notes what a user should know, a sentence each
 */
record Artifact(
    ExportTarget target,
    String path,
    String type,
    Optional<Rounding> rounding,
    List<String> notes) {
  Artifact {
    notes = List.copyOf(notes);
  }
}
