package dev.graft.trainer.train;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.DType;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.optim.ParameterUpdates;
import dev.graft.trainer.tensor.HostArrays;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a checkpoint's {@code state.json} says.
 *
 * @param version of its layout
 * @param epoch passes over the data that are complete
 * @param stepInEpoch steps of the next pass that are done: with {@code epoch} the data position
 * @param seed of order, masks and initialisation
 * @param totalSteps of the run, as its learning-rate schedule knew it
 * @param state where the run stood
 * @param inputs what it depends on
 * @param metricsBytes how much of {@code metrics.jsonl} had been written
 * @param samplesBytes likewise of {@code samples.jsonl}
 */
record SavedState(
    int version,
    int epoch,
    int stepInEpoch,
    long seed,
    int totalSteps,
    RunState state,
    Inputs inputs,
    long metricsBytes,
    long samplesBytes) {

  static final int VERSION = 1;
  static final String CONFIG_FILE = "config.yaml";
  private static final String STATE_FILE = "state.json";
  private static final String ARRAYS_FILE = "trainer.safetensors";

  /**
   * Fills a checkpoint's folder: what is trained, in the form that others read; parameters and
   * optimizer memory as the run holds them; this; the configuration.
   */
  void writeInto(Path folder, Trainable trained, ParameterUpdates updates, String config)
      throws IOException {
    updates.collect();
    trained.writeCheckpoint(folder);
    SafetensorsWriter arrays = new SafetensorsWriter();
    named(trained, updates.state())
        .forEach((name, array) ->
            arrays.add(name, DType.F32, List.of(array.length()), HostArrays.memory(array)));
    arrays.write(folder.resolve(ARRAYS_FILE));
    AsideFile.writeText(folder.resolve(CONFIG_FILE), config);
    String json = JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(this);
    AsideFile.writeText(folder.resolve(STATE_FILE), json + "\n");
  }

  /**
   * Reads a checkpoint's state.
   *
   * @throws ModelIoException if it is of another version
   */
  static SavedState read(Path folder) throws IOException {
    Path file = folder.resolve(STATE_FILE);
    try {
      SavedState saved = JsonMapper.shared().readValue(Files.readString(file), SavedState.class);
      if (saved.version == VERSION) {
        return saved;
      }
      throw new ModelIoException(
          "%s has the version %d, this graft knows %d; go on with the graft that wrote it."
              .formatted(file, saved.version, VERSION));
    } catch (JacksonException e) {
      throw new ModelIoException(
          "%s is not the state of a run: %s".formatted(file, e.getOriginalMessage()), e);
    }
  }

  /** Puts the arrays of a checkpoint into what is trained and an optimizer of the same run. */
  static void restore(Path folder, Trainable trained, ParameterUpdates updates) {
    restore(folder, named(trained, updates.state()));
    updates.restored();
  }

  /** Puts a checkpoint's parameters, and nothing else, into what is trained. */
  static void restoreParameters(Path folder, Trainable trained) {
    restore(folder, named(trained, Map.of()));
    trained.refresh();
  }

  private static void restore(Path folder, Map<String, INDArray> arrays) {
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(ARRAYS_FILE))) {
      arrays.forEach((name, array) -> {
        TensorView tensor = file.tensor(name);
        MemorySegment memory = HostArrays.memory(array);
        if (tensor.data().byteSize() != memory.byteSize()) {
          throw new ModelIoException(
              "%s: tensor %s has %d bytes, this run's has %d"
                  .formatted(file.path(), name, tensor.data().byteSize(), memory.byteSize()));
        }
        memory.copyFrom(tensor.data());
      });
    }
  }

  private static Map<String, INDArray> named(Trainable trained, Map<String, INDArray> optimizer) {
    var arrays = new LinkedHashMap<String, INDArray>();
    arrays.put("parameters", trained.parameters());
    trained.constants().forEach((name, array) -> arrays.put("constants." + name, array));
    optimizer.forEach((name, array) -> arrays.put("optimizer." + name, array));
    return arrays;
  }
}
