package dev.graft.modelio.checkpoint;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The safetensors files of a checkpoint folder, open: one, or several that an index names.
 *
 * @param files in the order of their names
 * @param owner which file holds which tensor
 * @param notes what was odd but harmless
 */
record Shards(List<SafetensorsFile> files, Map<String, SafetensorsFile> owner, List<String> notes)
    implements AutoCloseable {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";
  private static final long MAX_INDEX_BYTES = 100_000_000;

  static Shards open(Path folder) {
    Shards shards = new Shards(new ArrayList<>(), new HashMap<>(), new ArrayList<>());
    try {
      // Hugging Face's loader looks for the single file first, too.
      if (Files.exists(folder.resolve(SINGLE))) {
        shards.openFile(folder.resolve(SINGLE));
        if (Files.exists(folder.resolve(INDEX))) {
          shards.notes.add(
              folder + " has both " + SINGLE + " and " + INDEX + "; the first is used.");
        }
      } else if (Files.exists(folder.resolve(INDEX))) {
        shards.openIndexed(folder.resolve(INDEX));
      } else {
        throw noWeights(folder);
      }
      return shards;
    } catch (RuntimeException | Error e) {
      shards.close();
      throw e;
    }
  }

  private SafetensorsFile openFile(Path path) {
    SafetensorsFile file = SafetensorsFile.open(path);
    files.add(file);
    file.names().forEach(name -> owner.put(name, file));
    return file;
  }

  private void openIndexed(Path index) {
    ObjectNode json = StrictJson.readObject(index, MAX_INDEX_BYTES);
    if (!(json.get("weight_map") instanceof ObjectNode weightMap)) {
      throw new ModelIoException(index + " has no weight_map; it should say which shard has what.");
    }
    Map<String, SafetensorsFile> byName = new TreeMap<>();
    Map<String, String> shardOf = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
      shardOf.put(entry.getKey(), shardName(index, entry.getKey(), entry.getValue()));
    }
    for (String shard : new java.util.TreeSet<>(shardOf.values())) {
      Path path = index.resolveSibling(shard);
      if (!Files.exists(path)) {
        throw new ModelIoException(
            "%s is missing: %s says that it is part of the checkpoint. Copy or download it."
                .formatted(path, index.getFileName()));
      }
      byName.put(shard, openFile(path));
    }
    checkAgainstIndex(index, shardOf, byName);
    noteTotalSize(index, json.path("metadata").get("total_size"));
  }

  private static String shardName(Path index, String tensor, JsonNode shard) {
    String name = shard.asString("");
    // A plain name: the index must not lead out of the folder.
    if (name.isEmpty()
        || name.startsWith(".")
        || name.indexOf('/') >= 0
        || name.indexOf('\\') >= 0
        || name.indexOf('\0') >= 0) {
      throw new ModelIoException(
          "%s puts tensor %s into %s, which is not the name of a file beside it."
              .formatted(index, tensor, shard));
    }
    return name;
  }

  private void checkAgainstIndex(
      Path index, Map<String, String> shardOf, Map<String, SafetensorsFile> byName) {
    shardOf.forEach((tensor, shard) -> {
      @Nullable SafetensorsFile file = byName.get(shard);
      if (file == null || !file.tensors().containsKey(tensor)) {
        throw new ModelIoException(
            "%s says that %s holds tensor %s, but it does not. The files are of different"
                    .formatted(index, shard, tensor)
                + " versions; download the checkpoint again.");
      }
    });
    byName.forEach((shard, file) -> {
      for (String tensor : file.names()) {
        if (!shard.equals(shardOf.get(tensor))) {
          throw new ModelIoException(
              "%s holds tensor %s, which %s does not place there. The files are of different"
                      .formatted(file.path(), tensor, index.getFileName())
                  + " versions; download the checkpoint again.");
        }
      }
    });
  }

  private void noteTotalSize(Path index, @Nullable JsonNode claimed) {
    long total =
        files.stream()
            .flatMap(file -> file.tensors().values().stream())
            .mapToLong(tensor -> tensor.bytes())
            .sum();
    if (claimed != null && claimed.asLong(-1) != total) {
      notes.add(
          "%s claims a total_size of %s, the shards hold %d bytes; every tensor was checked, so this"
                  .formatted(index, claimed, total)
              + " does no harm.");
    }
  }

  private static ModelIoException noWeights(Path folder) {
    List<String> names;
    try (Stream<Path> entries = Files.list(folder)) {
      names = entries.map(entry -> String.valueOf(entry.getFileName())).sorted().toList();
    } catch (IOException e) {
      return new ModelIoException(folder + " cannot be listed: " + e.getMessage() + ".", e);
    }
    if (names.stream().anyMatch(name -> name.startsWith("pytorch_model"))) {
      return new ModelIoException(
          folder
              + " has its weights as pytorch_model.bin, a Python pickle, only. Take a version of the"
              + " model with model.safetensors (most have one on the hub), or convert it once in"
              + " Python: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(OUT,"
              + " safe_serialization=True).");
    }
    List<String> safetensors = names.stream().filter(n -> n.endsWith(".safetensors")).toList();
    if (!safetensors.isEmpty()) {
      return new ModelIoException(
          "%s has %s but neither %s nor %s. Rename a single file to %s; for shards, the index is needed."
              .formatted(folder, String.join(", ", safetensors), SINGLE, INDEX, SINGLE));
    }
    if (names.stream().anyMatch(name -> name.endsWith(".gguf"))) {
      return new ModelIoException(
          folder + " has a GGUF file only; training needs the original model.safetensors.");
    }
    return new ModelIoException(
        "%s has no weights: neither %s nor %s is there.".formatted(folder, SINGLE, INDEX));
  }

  @Override
  public void close() {
    files.forEach(SafetensorsFile::close);
  }
}
