package dev.graft.modelio.merge;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowEncoding;
import dev.graft.modelio.rows.RowSource;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import dev.graft.modelio.safetensors.TensorInfo;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes a Hugging Face checkpoint again, with other weights: the same shards with the same
 * tensors, each changed weight rounded once to the type that it was stored in, the index and every
 * other file as they are.
 */
public final class RewrittenCheckpoint {
  /** Weights in other forms, which would still be the old ones. */
  private static final Pattern OTHER_WEIGHTS =
      Pattern.compile(
          ".*\\.(safetensors|bin|pth|pt|ckpt|h5|msgpack|gguf|onnx|ot|tflite)|.*\\.bin\\.index\\.json");

  private RewrittenCheckpoint() {}

  /**
   * Writes a model of which every weight is another.
   *
   * @param folder is there and empty; to be renamed by the caller when all is well
   * @param weights by the names of {@link TensorNames}; asked for {@code lm_head.weight} also where
   *     it is tied to the embedding and stored all the same
   * @return files of the old checkpoint that were not carried over
   * @throws ModelIoException if it cannot be written
   */
  public static List<String> writeInto(
      Path folder, Checkpoint old, Function<String, RowSource> weights) {
    Set<String> known = new TreeSet<>(TensorNames.shapes(old.config()).keySet());
    known.add(TensorNames.LM_HEAD);
    return rewrite(
        folder,
        old,
        name ->
            known.contains(name)
                ? new EncodedRows(weights.apply(name), RowEncoding.of(old.tensor(name).dtype()))
                : null);
  }

  /**
   * Writes a model.
   *
   * @param changed null for a tensor that stays as it is
   */
  static List<String> rewrite(
      Path folder, Checkpoint old, Function<String, @Nullable EncodedRows> changed) {
    Set<String> shards = new TreeSet<>();
    for (Path shard : old.files()) {
      String name = String.valueOf(shard.getFileName());
      shards.add(name);
      writeShard(folder.resolve(name), shard, old, changed);
    }
    try {
      return carryOver(folder, old.folder(), shards);
    } catch (IOException e) {
      throw new ModelIoException(
          "%s could not be copied to %s: %s.".formatted(old.folder(), folder, e.getMessage()), e);
    }
  }

  private static void writeShard(
      Path target, Path shard, Checkpoint old, Function<String, @Nullable EncodedRows> changed) {
    SafetensorsWriter writer = new SafetensorsWriter();
    try (SafetensorsFile file = SafetensorsFile.open(shard)) {
      for (TensorInfo info : file.tensors().values()) {
        String name = info.name();
        EncodedRows rows = changed.apply(name);
        if (rows == null) {
          writer.add(name, info.dtype(), info.shape(), file.data(name));
        } else {
          TensorView stored = old.tensor(name);
          writer.add(name, stored.dtype(), stored.shape(), rows);
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
      // Not Files.copy(Path, Path), which copies permissions, too: a base may be read-only.
      try (OutputStream copy = Files.newOutputStream(folder.resolve(name))) {
        Files.copy(entry, copy);
      }
    }
    return leftOut;
  }
}
