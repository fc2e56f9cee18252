package dev.graft.modelio.merge;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowEncoding;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import dev.graft.modelio.safetensors.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Writes a base model with an adapter merged in as a Hugging Face checkpoint: the same shards with
 * the same tensors, each merged weight rounded once to the type that the base has it in, the index
 * and every other file as they are.
 */
public final class MergedCheckpoint {
  /** Weights in other forms, which would still be the base's. */
  private static final Pattern OTHER_WEIGHTS =
      Pattern.compile(
          ".*\\.(safetensors|bin|pth|pt|ckpt|h5|msgpack|gguf|onnx|ot|tflite)|.*\\.bin\\.index\\.json");

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
    MergedWeights weights = new MergedWeights(base, Optional.of(adapter));
    Rounding.Meter meter = new Rounding.Meter(weights);
    Set<String> shards = new TreeSet<>();
    for (Path shard : base.files()) {
      String name = String.valueOf(shard.getFileName());
      shards.add(name);
      writeShard(folder.resolve(name), shard, base, weights, meter);
    }
    try {
      return new Written(meter.total(), carryOver(folder, base.folder(), shards));
    } catch (IOException e) {
      throw new ModelIoException(
          "%s could not be copied to %s: %s.".formatted(base.folder(), folder, e.getMessage()), e);
    }
  }

  private static void writeShard(
      Path target, Path shard, Checkpoint base, MergedWeights weights, Rounding.Meter meter) {
    SafetensorsWriter writer = new SafetensorsWriter();
    try (SafetensorsFile file = SafetensorsFile.open(shard)) {
      for (TensorInfo info : file.tensors().values()) {
        String name = info.name();
        if (weights.changes(name)) {
          TensorView stored = base.tensor(name);
          EncodedRows rows = new EncodedRows(weights.rows(name), RowEncoding.of(stored.dtype()));
          writer.add(name, stored.dtype(), stored.shape(), meter.watch(name, rows));
        } else {
          writer.add(name, info.dtype(), info.shape(), file.data(name));
        }
      }
      writer.write(target);
    }
  }

  private static List<String> carryOver(Path folder, Path base, Set<String> shards)
      throws IOException {
    List<String> leftOut = new ArrayList<>();
    List<Path> entries;
    try (Stream<Path> files = Files.list(base)) {
      entries = files.sorted().toList();
    }
    for (Path entry : entries) {
      String name = String.valueOf(entry.getFileName());
      if (shards.contains(name) || name.startsWith(".")) {
        continue;
      }
      if (!Files.isRegularFile(entry)
          || OTHER_WEIGHTS.matcher(name.toLowerCase(Locale.ROOT)).matches()) {
        leftOut.add(name);
        continue;
      }
      Files.copy(entry, folder.resolve(name));
    }
    return leftOut;
  }
}
