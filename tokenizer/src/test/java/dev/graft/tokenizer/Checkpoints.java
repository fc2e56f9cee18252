package dev.graft.tokenizer;

import dev.graft.tokenizer.template.TemplateInput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Checkpoint folders for tests: real ones from the conformance data and one made here. */
final class Checkpoints {
  private static final String CORPUS =
      """
      The doctor asked how the patient felt. The patient said that the knee hurt in the morning,
      and that the tablets helped in the evening. "Good," said the doctor, "then we go on."
      ### Human: ### Assistant: Hello world, hello there. <|im_start|>user assistant<|im_end|>
      """;

  private static final Map<String, Tokenizer> LOADED = new ConcurrentHashMap<>();

  private Checkpoints() {}

  /** The conformance folder; the test is skipped if it is not there. */
  static Path conformance() {
    String folder = System.getProperty("conformance.dir", "");
    Assumptions.assumeTrue(!folder.isEmpty(), "conformance.dir is not set: real data not there");
    // A relative folder is meant from the project's root, and tests run in the module's.
    return Path.of(System.getProperty("graft.root", "")).resolve(folder).toAbsolutePath();
  }

  /** The renderings of real models' templates. */
  static JsonNode chatTemplateCases() {
    Path file = conformance().resolve("chat-templates/cases.json");
    return JsonFiles.MAPPER.readTree(JsonFiles.read(file));
  }

  /** A case's data as a template takes it. */
  @SuppressWarnings("unchecked")
  static Map<String, @Nullable Object> variables(JsonNode data) {
    return (Map<String, @Nullable Object>) Objects.requireNonNull(TemplateInput.plain(data));
  }

  /**
   * A tokenizer by name: {@code tiny}, {@code stories260K}, or one of the real ones. Loaded once
   * for all tests, since a large one takes a second; so it is not to be closed.
   */
  static Tokenizer tokenizer(String name) {
    if (!name.equals("tiny")) {
      conformance();
    }
    return LOADED.computeIfAbsent(name, n -> HuggingFaceTokens.load(folder(n)));
  }

  /** A checkpoint folder that holds the tokenizer of that name. */
  static Path folder(String name) {
    try {
      Path folder = Files.createTempDirectory("graft-" + name);
      folder.toFile().deleteOnExit();
      return switch (name) {
        case "tiny" -> {
          folder.resolve("tokenizer.json").toFile().deleteOnExit();
          folder.resolve("tokenizer_config.json").toFile().deleteOnExit();
          yield tiny(folder);
        }
        case "stories260K" -> stories260K();
        default -> real(name, folder);
      };
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One of the real tokenizers, laid out as a checkpoint folder. */
  private static Path real(String name, Path folder) throws IOException {
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.createSymbolicLink(
          folder.resolve(file),
          conformance().resolve("tokenizers").resolve(name + "." + file).toAbsolutePath());
      folder.resolve(file).toFile().deleteOnExit();
    }
    return folder;
  }

  static Path stories260K() {
    return conformance().resolve("models/stories260K-hf");
  }

  /**
   * A byte-level BPE of 256 bytes and 80 merges learned from a few lines, with the special tokens
   * {@code <s> </s> <|im_start|> <|im_end|>} and the added token {@code <tool_call>}, which is not
   * special.
   */
  static Path tiny(Path folder) {
    ObjectNode root = JsonFiles.MAPPER.createObjectNode();
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    ObjectNode model = JsonFiles.MAPPER.createObjectNode();
    int size = putModel(model);
    ArrayNode added = root.putArray("added_tokens");
    for (String token : List.of("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<tool_call>")) {
      ObjectNode node = added.addObject();
      node.put("id", size++).put("content", token).put("single_word", false);
      node.put("lstrip", false).put("rstrip", false).put("normalized", false);
      node.put("special", !token.equals("<tool_call>"));
    }
    root.putNull("normalizer");
    ObjectNode byteLevel = JsonFiles.MAPPER.createObjectNode();
    byteLevel.put("type", "ByteLevel").put("add_prefix_space", false);
    byteLevel.put("trim_offsets", false).put("use_regex", true);
    root.set("pre_tokenizer", byteLevel);
    root.set("post_processor", byteLevel);
    root.set("decoder", byteLevel);
    root.set("model", model);
    write(folder.resolve("tokenizer.json"), root.toString());
    write(
        folder.resolve("tokenizer_config.json"),
        """
        {"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
         "add_bos_token": true, "pad_token": null}
        """);
    return folder;
  }

  static void write(Path file, String text) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Trains the merges and returns the size of the vocabulary. */
  private static int putModel(ObjectNode model) {
    model.put("type", "BPE").putNull("dropout").putNull("unk_token");
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", false).put("byte_fallback", false);
    ObjectNode vocabulary = model.putObject("vocab");
    String[] byteCharacters = byteCharacters();
    for (String character : byteCharacters) {
      vocabulary.put(character, vocabulary.size());
    }
    ArrayNode merges = model.putArray("merges");
    List<String> text = new ArrayList<>();
    for (byte b : CORPUS.getBytes(StandardCharsets.UTF_8)) {
      text.add(byteCharacters[b & 0xFF]);
    }
    for (int i = 0; i < 80; i++) {
      merge(text, vocabulary, merges);
    }
    return vocabulary.size();
  }

  /** Joins the most frequent pair within words everywhere in the text. */
  private static void merge(List<String> text, ObjectNode vocabulary, ArrayNode merges) {
    Map<List<String>, Integer> counts = new HashMap<>();
    List<String> best = List.of();
    for (int i = 0; i + 1 < text.size(); i++) {
      List<String> pair = List.of(text.get(i), text.get(i + 1));
      boolean withinWord = pair.get(1).chars().allMatch(c -> c < 128 && Character.isLetter(c));
      int count = withinWord ? counts.merge(pair, 1, Integer::sum) : 0;
      if (count > counts.getOrDefault(best, 0)) {
        best = pair;
      }
    }
    String joined = best.get(0) + best.get(1);
    if (!vocabulary.has(joined)) {
      vocabulary.put(joined, vocabulary.size());
    }
    merges.add(best.get(0) + " " + best.get(1));
    for (int i = 0; i + 1 < text.size(); i++) {
      if (text.get(i).equals(best.get(0)) && text.get(i + 1).equals(best.get(1))) {
        text.set(i, joined);
        text.remove(i + 1);
      }
    }
  }

  /** GPT-2's spelling of bytes: printable Latin-1 stands for itself, the rest from U+0100 on. */
  private static String[] byteCharacters() {
    String[] characters = new String[256];
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      characters[b] = String.valueOf((char) (printable ? b : next++));
    }
    return characters;
  }
}
