package dev.graft.modelio.gguf;

import dev.graft.modelio.ConfigKeys;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The tokenizer of a Hugging Face checkpoint as llama.cpp wants it described: the {@code
 * tokenizer.*} keys of a GGUF file. Two families: SentencePiece-BPE ({@code llama}), whose merges
 * become scores, and byte-level BPE ({@code gpt2}), whose merges are listed.
 *
 * @param metadata in the order in which they are written
 * @param notes where llama.cpp is known to cut some texts differently, a sentence each
 */
public record GgufTokenizer(Map<String, GgufValue> metadata, List<String> notes) {
  private static final String FILE = "tokenizer.json";

  /** The largest in the wild have some 35 MB. */
  private static final long MAX_BYTES = 128 << 20;

  private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");

  public GgufTokenizer {
    metadata = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    notes = List.copyOf(notes);
  }

  /**
   * Reads tokenizer.json and the files beside it.
   *
   * @param folder of the checkpoint
   * @param model its configuration: the vocabulary is filled up to the rows of the embedding
   * @param chatTemplate the Jinja source to be taken along
   * @throws ModelIoException if there is no tokenizer.json, it is damaged, or llama.cpp cannot do
   *     what it asks for
   */
  public static GgufTokenizer read(Path folder, ModelConfig model, Optional<String> chatTemplate) {
    Path file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      throw new ModelIoException(
          "%s does not exist, and a GGUF file needs the tokenizer. Copy it from the base model's source."
              .formatted(file));
    }
    try {
      return new Reading(file, StrictJson.readObject(file, MAX_BYTES), model).read(chatTemplate);
    } catch (ModelIoException e) {
      String message = String.valueOf(e.getMessage());
      throw message.contains(folder.toString())
          ? e
          : new ModelIoException(file + ": " + message, e);
    }
  }

  /** Kinds of tokens, by llama.cpp's numbers. */
  private enum Kind {
    NORMAL(1),
    UNKNOWN(2),
    CONTROL(3),
    USER_DEFINED(4),
    UNUSED(5),
    BYTE(6);

    private final int code;

    Kind(int code) {
      this.code = code;
    }
  }

  private static final class Reading {
    private final Path file;
    private final JsonNode json;
    private final ModelConfig model;
    private final @Nullable String[] tokens;
    private final Kind[] kinds;
    private final Map<String, Integer> ids = new HashMap<>();
    private final List<String> notes = new ArrayList<>();
    private final Map<String, GgufValue> metadata = new LinkedHashMap<>();

    Reading(Path file, JsonNode json, ModelConfig model) {
      this.file = file;
      this.json = json;
      this.model = model;
      this.tokens = new String[model.vocabSize()];
      this.kinds = new Kind[model.vocabSize()];
    }

    GgufTokenizer read(Optional<String> chatTemplate) {
      String type = json.path("model").path("type").asString("BPE");
      if (!type.equals("BPE")) {
        throw refused("the tokenizer is a " + type + "; Llama and Mistral models have BPE");
      }
      boolean byteLevel = PreTokenizer.isByteLevel(json);
      if (!byteLevel && !json.path("model").path("byte_fallback").asBoolean(false)) {
        throw refused("it is neither byte-level nor does it fall back to bytes");
      }
      readVocabulary(byteLevel);
      if (byteLevel) {
        describeByteLevel();
      } else {
        describeSentencePiece();
      }
      describeSpecialTokens();
      chatTemplate.ifPresent(
          template -> metadata.put("tokenizer.chat_template", GgufValue.of(template)));
      return new GgufTokenizer(metadata, notes);
    }

    private void readVocabulary(boolean byteLevel) {
      JsonNode vocabulary = json.path("model").path("vocab");
      if (!vocabulary.isObject() || vocabulary.isEmpty()) {
        throw refused("there is no \"model\" with a \"vocab\"");
      }
      for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
        boolean isByte = !byteLevel && BYTE.matcher(entry.getKey()).matches();
        put(entry.getKey(), entry.getValue(), isByte ? Kind.BYTE : Kind.NORMAL);
      }
      for (JsonNode added : json.path("added_tokens")) {
        String content = added.path("content").asString("");
        boolean special = added.path("special").asBoolean(false);
        put(content, added.path("id"), special ? Kind.CONTROL : Kind.USER_DEFINED);
      }
      String unknown = json.path("model").path("unk_token").asString("");
      Integer unknownId = ids.get(unknown);
      if (!byteLevel && unknownId != null) {
        kinds[unknownId] = Kind.UNKNOWN;
      }
    }

    private void put(String token, JsonNode idNode, Kind kind) {
      if (!idNode.isInt() || idNode.intValue() < 0) {
        throw refused("token \"" + token + "\" has no id that is a number");
      }
      int id = idNode.intValue();
      if (id >= tokens.length) {
        throw refused(
            "token \"%s\" has the id %d, but the model's embedding only %d rows; the tokenizer belongs to another model"
                .formatted(token, id, tokens.length));
      }
      String before = tokens[id];
      if (before != null && !before.equals(token)) {
        throw refused("the id %d has two tokens, \"%s\" and \"%s\"".formatted(id, before, token));
      }
      tokens[id] = token;
      kinds[id] = kind;
      ids.put(token, id);
    }

    private void describeByteLevel() {
      String normalizer = json.path("normalizer").path("type").asString("none");
      if (normalizer.equals("NFC")) {
        notes.add(
            "The tokenizer composes characters first (NFC), llama.cpp does not: text with"
                + " decomposed accents becomes other tokens there. Text as keyboards write it is"
                + " not affected.");
      } else if (!normalizer.equals("none")) {
        throw refused("llama.cpp has no normalizer " + ConfigKeys.brief(json.get("normalizer")));
      }
      metadata.put("tokenizer.ggml.model", GgufValue.of("gpt2"));
      metadata.put("tokenizer.ggml.pre", GgufValue.of(PreTokenizer.name(file, json)));
      describeTokens();
      List<String> merges = new ArrayList<>();
      for (Merge merge : merges()) {
        merges.add(merge.left() + " " + merge.right());
      }
      metadata.put("tokenizer.ggml.merges", GgufValue.texts(merges));
    }

    /**
     * llama.cpp merges the pair whose result has the highest score. The merges of tokenizer.json
     * were made from such scores, so that a token's first merge gives its rank.
     */
    private void describeSentencePiece() {
      checkNormalizer();
      metadata.put("tokenizer.ggml.model", GgufValue.of("llama"));
      metadata.put("tokenizer.ggml.pre", GgufValue.of("default"));
      describeTokens();
      Map<Integer, Integer> ranks = new HashMap<>();
      for (Merge merge : merges()) {
        Integer result = ids.get(merge.left() + merge.right());
        if (result == null) {
          throw refused(
              "the merge of \"%s\" and \"%s\" makes no token"
                  .formatted(merge.left(), merge.right()));
        }
        ranks.putIfAbsent(result, ranks.size());
      }
      List<GgufValue> scores = new ArrayList<>();
      for (int id = 0; id < tokens.length; id++) {
        Integer rank = ranks.get(id);
        boolean word = kinds[id] == Kind.NORMAL;
        // What no merge makes is a single character; its score is below all, and never looked at.
        double score = rank != null ? -rank : word ? -(double) ranks.size() - id : 0;
        scores.add(GgufValue.of(score));
      }
      metadata.put("tokenizer.ggml.scores", new GgufValue.Array(GgufValueType.FLOAT32, scores));
      metadata.put("tokenizer.ggml.add_space_prefix", GgufValue.of(addsSpacePrefix()));
    }

    private void checkNormalizer() {
      JsonNode normalizer = json.path("normalizer");
      Iterable<JsonNode> steps =
          normalizer.has("normalizers") ? normalizer.path("normalizers") : List.of(normalizer);
      for (JsonNode step : steps) {
        boolean spaces =
            step.path("type").asString("").equals("Replace")
                && step.path("pattern").path("String").asString("").equals(" ")
                && step.path("content").asString("").equals("\u2581");
        boolean prefix = step.path("type").asString("").equals("Prepend");
        if (step.isObject() && !spaces && !prefix) {
          throw refused("llama.cpp has no normalizer " + ConfigKeys.brief(step));
        }
      }
    }

    private boolean addsSpacePrefix() {
      JsonNode normalizer = json.path("normalizer");
      Iterable<JsonNode> steps =
          normalizer.has("normalizers") ? normalizer.path("normalizers") : List.of(normalizer);
      for (JsonNode step : steps) {
        if (step.path("type").asString("").equals("Prepend")) {
          return true;
        }
      }
      JsonNode metaspace = json.path("pre_tokenizer");
      String scheme = metaspace.path("prepend_scheme").asString("");
      if (scheme.equals("first")) {
        notes.add(
            "The tokenizer puts a space before the first word of a text only, llama.cpp also behind"
                + " each special token: chats may begin their turns with another token there.");
      }
      return scheme.isEmpty()
          ? metaspace.path("add_prefix_space").asBoolean(false)
          : !scheme.equals("never");
    }

    private void describeTokens() {
      List<String> texts = new ArrayList<>();
      List<GgufValue> types = new ArrayList<>();
      for (int id = 0; id < tokens.length; id++) {
        String token = tokens[id];
        if (token == null) {
          // Embeddings are often rounded up; the rows need names that no text contains.
          token = "[PAD" + id + "]";
          kinds[id] = Kind.UNUSED;
        }
        texts.add(token);
        types.add(new GgufValue.Whole(GgufValueType.INT32, kinds[id].code));
      }
      metadata.put("tokenizer.ggml.tokens", GgufValue.texts(texts));
      metadata.put("tokenizer.ggml.token_type", new GgufValue.Array(GgufValueType.INT32, types));
    }

    private record Merge(String left, String right) {}

    /** Written as {@code "a b"} or, since 2024, as {@code ["a", "b"]}. */
    private List<Merge> merges() {
      List<Merge> merges = new ArrayList<>();
      for (JsonNode node : json.path("model").path("merges")) {
        String[] pair =
            node.isArray() && node.size() == 2
                ? new String[] {node.path(0).asString(""), node.path(1).asString("")}
                : node.asString("").split(" ", -1);
        if (pair.length != 2
            || pair[0].isEmpty()
            || pair[1].isEmpty()
            || pair[0].contains(" ")
            || pair[1].contains(" ")) {
          throw refused("the merge " + ConfigKeys.brief(node) + " is not a pair of tokens");
        }
        merges.add(new Merge(pair[0], pair[1]));
      }
      return merges;
    }

    private void describeSpecialTokens() {
      SpecialTokens special =
          SpecialTokens.read(file.resolveSibling(SpecialTokens.CONFIG_FILE), model, json, ids);
      if (special.ends().isEmpty()) {
        throw refused(
            "no file beside it names the token that ends a text, so that no answer could ever end;"
                + " add \"eos_token\" to "
                + SpecialTokens.CONFIG_FILE);
      }
      putId("bos_token_id", special.bos());
      // llama.cpp has three places for tokens that end an answer.
      List<String> places = List.of("eos_token_id", "eot_token_id", "eom_token_id");
      for (int i = 0; i < Math.min(places.size(), special.ends().size()); i++) {
        putId(places.get(i), special.ends().get(i));
      }
      if (special.ends().size() > places.size()) {
        notes.add(
            "The model has %d end tokens, GGUF has places for three of them; an answer that ends with another goes on there."
                .formatted(special.ends().size()));
      }
      putId("unknown_token_id", special.unknown());
      putId("padding_token_id", special.padding());
      metadata.put("tokenizer.ggml.add_bos_token", GgufValue.of(special.addsBos()));
      metadata.put("tokenizer.ggml.add_eos_token", GgufValue.of(special.addsEos()));
    }

    private void putId(String key, @Nullable Integer id) {
      if (id != null) {
        metadata.put("tokenizer.ggml." + key, GgufValue.of(id));
      }
    }

    private ModelIoException refused(String why) {
      return new ModelIoException(file + " cannot become part of a GGUF file: " + why + ".");
    }
  }
}
