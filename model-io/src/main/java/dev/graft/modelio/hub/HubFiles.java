package dev.graft.modelio.hub;

import dev.graft.modelio.ModelIoException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the hub says is in one commit of a model.
 *
 * @param commit its full hash
 * @param sizes bytes of each file at the top of the repository; -1 where the hub does not say
 */
record HubFiles(String commit, Map<String, Long> sizes) {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  private static final int MAX_FILES = 100_000;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,254}");
  private static final Pattern SMALL =
      Pattern.compile(
          "config\\.json|generation_config\\.json|special_tokens_map\\.json|added_tokens\\.json"
              + "|vocab\\.json|merges\\.txt|tokenizer[A-Za-z0-9._-]*|chat_template[A-Za-z0-9._-]*");

  /** Reads the answer of {@code /api/models/{id}/revision/{revision}}. */
  static HubFiles parse(ObjectNode json, HubAddress model) {
    String commit = json.path("sha").asString("");
    if (!commit.matches("[0-9a-f]{40}")) {
      throw new ModelIoException("The hub's answer about " + model + " names no commit.");
    }
    Map<String, Long> sizes = new LinkedHashMap<>();
    for (JsonNode sibling : json.path("siblings")) {
      String name = sibling.path("rfilename").asString("");
      if (NAME.matcher(name).matches() && sizes.size() < MAX_FILES) {
        sizes.put(name, sibling.path("size").asLong(-1));
      }
    }
    return new HubFiles(commit, sizes);
  }

  /** Configuration, tokenizer and chat template: what a model needs besides its weights. */
  TreeSet<String> smallFiles() {
    TreeSet<String> small = new TreeSet<>();
    for (String name : sizes.keySet()) {
      if (SMALL.matcher(name).matches()) {
        small.add(name);
      }
    }
    return small;
  }

  /** The shards that an index names; a repository may hold the same weights in other forms too. */
  static TreeSet<String> shards(@Nullable ObjectNode index, HubAddress model) {
    TreeSet<String> shards = new TreeSet<>();
    if (index != null) {
      for (JsonNode shard : index.path("weight_map")) {
        if (!NAME.matcher(shard.asString("")).matches()) {
          throw new ModelIoException(model + ": " + INDEX + " names the file " + shard + ".");
        }
        shards.add(shard.asString());
      }
    }
    return shards;
  }

  long size(String name) {
    return sizes.getOrDefault(name, -1L);
  }

  boolean has(String name) {
    return sizes.containsKey(name);
  }
}
