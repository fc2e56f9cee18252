package dev.graft.tokenizer;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a checkpoint folder says about its special tokens beside tokenizer.json: {@code
 * tokenizer_config.json}, {@code special_tokens_map.json}, {@code generation_config.json} and
 * {@code config.json}. Each may be missing. DJL's own reading of tokenizer_config.json fails on
 * real files (a token may be a string or an object), so it is read here.
 *
 * @param tokens {@code bos_token}, {@code eos_token}, … and the text of each
 * @param addBos {@code add_bos_token}, or null where nothing is said
 * @param bosId {@code bos_token_id} of generation_config.json or config.json
 * @param eosIds {@code eos_token_id} of both, one or several
 */
record TokenizerConfig(
    Map<String, String> tokens,
    @Nullable Boolean addBos,
    @Nullable Integer bosId,
    SortedSet<Integer> eosIds) {
  private static final List<String> TOKEN_KEYS =
      List.of("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token");

  /**
   * @param folder a checkpoint folder
   * @throws DataException if one of the files is there and broken
   */
  static TokenizerConfig read(Path folder) {
    JsonNode config = JsonFiles.optionalObject(folder.resolve("tokenizer_config.json"));
    JsonNode map = JsonFiles.optionalObject(folder.resolve("special_tokens_map.json"));
    JsonNode generation = JsonFiles.optionalObject(folder.resolve("generation_config.json"));
    JsonNode model = JsonFiles.optionalObject(folder.resolve("config.json"));

    Map<String, String> tokens = new LinkedHashMap<>();
    for (String key : TOKEN_KEYS) {
      // A null in tokenizer_config.json means "none" and is not overruled by the older map.
      String text = tokenText(config.has(key) ? config.get(key) : map.get(key));
      if (text != null) {
        tokens.put(key, text);
      }
    }
    JsonNode addBos = config.get("add_bos_token");
    SortedSet<Integer> eosIds = new TreeSet<>();
    addIds(generation.get("eos_token_id"), eosIds);
    addIds(model.get("eos_token_id"), eosIds);
    SortedSet<Integer> bosIds = new TreeSet<>();
    addIds(generation.get("bos_token_id"), bosIds);
    if (bosIds.isEmpty()) {
      addIds(model.get("bos_token_id"), bosIds);
    }
    return new TokenizerConfig(
        Map.copyOf(tokens),
        (addBos != null && addBos.isBoolean()) ? addBos.booleanValue() : null,
        // A tokenizer that declares "no BOS" has none, whatever the model's configuration says.
        (bosIds.isEmpty() || config.has("bos_token")) ? null : bosIds.first(),
        eosIds);
  }

  /** A token is written as a string or as {@code {"content": "</s>", …}}. */
  private static @Nullable String tokenText(@Nullable JsonNode token) {
    if (token == null) {
      return null;
    }
    JsonNode text = token.isObject() ? token.get("content") : token;
    return text != null && text.isString() ? text.stringValue() : null;
  }

  private static void addIds(@Nullable JsonNode node, SortedSet<Integer> ids) {
    if (node == null) {
      return;
    }
    for (JsonNode id : node.isArray() ? node : List.of(node)) {
      if (id.isInt() && id.intValue() >= 0) {
        ids.add(id.intValue());
      }
    }
  }
}
