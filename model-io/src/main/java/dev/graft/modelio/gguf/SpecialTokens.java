package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the small files beside tokenizer.json say about special tokens: tokenizer_config.json,
 * special_tokens_map.json, generation_config.json and config.json. Each may be missing.
 *
 * @param bos the id that begins a text, or null
 * @param ends the ids that end one, the tokenizer's own first
 * @param unknown the id for what has no token, or null
 * @param padding the id that fills up, or null
 * @param addsBos whether a text begins with {@code bos} by the tokenizer's own rule
 * @param addsEos whether it ends with the first of {@code ends}
 */
record SpecialTokens(
    @Nullable Integer bos,
    List<Integer> ends,
    @Nullable Integer unknown,
    @Nullable Integer padding,
    boolean addsBos,
    boolean addsEos) {
  static final String CONFIG_FILE = "tokenizer_config.json";
  private static final long MAX_BYTES = 64 << 20;

  /**
   * Reads them.
   *
   * @param configFile tokenizer_config.json; the others are beside it
   * @param tokenizer what tokenizer.json holds
   * @param ids of all tokens
   */
  static SpecialTokens read(
      Path configFile, ModelConfig model, JsonNode tokenizer, Map<String, Integer> ids) {
    JsonNode config = optional(configFile);
    JsonNode map = optional(configFile.resolveSibling("special_tokens_map.json"));
    JsonNode generation = optional(configFile.resolveSibling("generation_config.json"));
    Reader reader = new Reader(configFile, config, map, ids);

    Integer bos = reader.id("bos_token");
    if (bos == null && !config.has("bos_token")) {
      // A tokenizer that declares "no BOS" has none, whatever the model's configuration says.
      bos = inVocabulary(model.bosTokenId(), ids);
    }
    Set<Integer> ends = new LinkedHashSet<>();
    Integer eos = reader.id("eos_token");
    if (eos != null) {
      ends.add(eos);
    }
    JsonNode more = generation.path("eos_token_id");
    Iterable<JsonNode> listed = more.isArray() ? more : List.of(more);
    for (JsonNode id : listed) {
      addIfThere(id.isInt() ? id.intValue() : null, ids, ends);
    }
    model.eosTokenIds().forEach(id -> addIfThere(id, ids, ends));
    return new SpecialTokens(
        bos,
        List.copyOf(ends),
        reader.id("unk_token"),
        reader.id("pad_token"),
        bos != null && addsBos(config, tokenizer, bos, ids),
        config.path("add_eos_token").asBoolean(false));
  }

  private static JsonNode optional(Path file) {
    return Files.exists(file)
        ? StrictJson.readObject(file, MAX_BYTES)
        : JsonMapper.shared().createObjectNode();
  }

  private static void addIfThere(
      @Nullable Integer id, Map<String, Integer> ids, Set<Integer> ends) {
    Integer known = inVocabulary(id, ids);
    if (known != null) {
      ends.add(known);
    }
  }

  private static @Nullable Integer inVocabulary(@Nullable Integer id, Map<String, Integer> ids) {
    return id != null && ids.containsValue(id) ? id : null;
  }

  /** add_bos_token has the word; where it is silent, the post-processor of tokenizer.json. */
  private static boolean addsBos(
      JsonNode config, JsonNode tokenizer, int bos, Map<String, Integer> ids) {
    JsonNode said = config.path("add_bos_token");
    if (said.isBoolean()) {
      return said.booleanValue();
    }
    JsonNode post = tokenizer.path("post_processor");
    Iterable<JsonNode> steps = post.has("processors") ? post.path("processors") : List.of(post);
    for (JsonNode step : steps) {
      String first = step.path("single").path(0).path("SpecialToken").path("id").asString("");
      if (Integer.valueOf(bos).equals(ids.get(first))) {
        return true;
      }
    }
    return false;
  }

  private record Reader(Path file, JsonNode config, JsonNode map, Map<String, Integer> ids) {
    /** A token is written as a string or as {@code {"content": "</s>", …}}. */
    @Nullable Integer id(String key) {
      JsonNode token = config.has(key) ? config.path(key) : map.path(key);
      JsonNode text = token.isObject() ? token.path("content") : token;
      if (!text.isString()) {
        return null;
      }
      Integer id = ids.get(text.stringValue());
      if (id == null) {
        throw new ModelIoException(
            "%s: %s is \"%s\", but tokenizer.json has no such token. The two files do not belong together."
                .formatted(file, key, text.stringValue()));
      }
      return id;
    }
  }
}
