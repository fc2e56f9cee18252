package dev.graft.trainer.train;

import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.optim.AdamW;
import dev.graft.trainer.runs.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes what a checkpoint holds: the adapter as a PEFT folder, both moments of the optimizer, and
 * where the run stood. Order of the data, dropout masks and learning rate follow from the step and
 * the seed, so that nothing else is needed to go on.
 */
record SavedState(LoraAdapter adapter, AdamW optimizer, long seed, String baseFingerprint) {

  /**
   * Fills a checkpoint's folder.
   *
   * @param step optimizer steps done
   */
  void writeTo(Path folder, int step) throws IOException {
    PeftAdapter peft = adapter.toPeft();
    PeftAdapter.writeInto(folder, peft.config(), peft.weights());
    float[] moments = optimizer.state().toFloatVector();
    new SafetensorsWriter()
        .add("adamw.moments", List.of(2L, adapter.size()), moments)
        .write(folder.resolve("optimizer.safetensors"));
    String state =
        """
        {
          "step": %d,
          "seed": %d,
          "base": "%s"
        }
        """
            .formatted(step, seed, baseFingerprint);
    AtomicFiles.writeText(folder.resolve("state.json"), state);
  }
}
