package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class WordCacheTest {
  private static final String LLAMA_3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** What texts are made of: everything that the pattern treats in its own way. */
  private static final String ALPHABET =
      "aabEe'stZé'ß  190\t\n\r  .,!?-_(){}<>|@#你好\u00a0\ud83d\ude00½\u3000";

  @TempDir Path folder;

  /** A byte-level BPE that is cut as Llama 3's. */
  private HuggingFaceTokens llama3() throws IOException {
    Checkpoints.tiny(folder);
    Path file = folder.resolve("tokenizer.json");
    ObjectNode root = (ObjectNode) JsonFiles.MAPPER.readTree(Files.readAllBytes(file));
    ObjectNode both = root.putObject("pre_tokenizer").put("type", "Sequence");
    ArrayNode steps = both.putArray("pretokenizers");
    ObjectNode split = steps.addObject().put("type", "Split");
    split.putObject("pattern").put("Regex", LLAMA_3);
    split.put("behavior", "Isolated").put("invert", false);
    steps
        .addObject()
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", false);
    Files.write(file, JsonFiles.MAPPER.writeValueAsBytes(root));
    return HuggingFaceTokens.load(folder);
  }

  private static List<MarkedText> texts(int count) {
    Random random = new Random(31);
    int[] characters = ALPHABET.codePoints().toArray();
    List<MarkedText> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(60); length >= 0; length--) {
        switch (random.nextInt(30)) {
          case 0 -> text.append("<|im_start|>");
          case 1 -> text.append("<tool_call>");
          case 2 -> text.append(" the patient");
          default -> text.appendCodePoint(characters[random.nextInt(characters.length)]);
        }
      }
      texts.add(MarkedText.noneLiteral(text.toString()));
    }
    return texts;
  }

  @Test
  void remembersWordsAndChangesNothing() throws IOException {
    try (HuggingFaceTokens core = llama3()) {
      Tokenizer cache = WordCache.of(core);
      assertThat(cache).isInstanceOf(WordCache.class);
      List<MarkedText> texts = texts(2000);
      List<Encoding> expected = core.encodeAllWithOffsets(texts);
      for (int i = 0; i < texts.size(); i += 50) {
        List<MarkedText> some = texts.subList(i, i + 50);
        assertThat(cache.encodeAllWithOffsets(some)).isEqualTo(expected.subList(i, i + 50));
      }
      assertThat(cache.encodeAll(texts.subList(0, 3)))
          .containsExactlyElementsOf(core.encodeAll(texts.subList(0, 3)));
      assertThat(cache.encodePlain("a </s> b")).isEqualTo(core.encodePlain("a </s> b"));
      assertThat(cache.encode("a </s> b")).isEqualTo(core.encode("a </s> b"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2_5", "llama2_tinyllama", "mistral_v1"})
  void realTokenizers(String name) {
    Tokenizer core = Checkpoints.tokenizer(name);
    Tokenizer cache = WordCache.of(core);
    assertThat(cache instanceof WordCache).isEqualTo(name.equals("qwen2_5"));
    List<MarkedText> texts = texts(500);
    assertThat(cache.encodeAllWithOffsets(texts)).isEqualTo(core.encodeAllWithOffsets(texts));
  }

  /** What the core's pattern takes for a letter, a digit or white space, asked of the core. */
  private BitSet matches(String pattern, List<String> characters) throws IOException {
    String json =
        """
        {"added_tokens": [], "normalizer": null, "post_processor": null, "decoder": null,
         "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "%s"}, "behavior": "Removed", "invert": false},
         "model": {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"}}
        """
            .formatted(pattern.replace("\\", "\\\\"));
    BitSet matches = new BitSet();
    try (NativeTokenizer core = NativeTokenizer.load(json.getBytes(StandardCharsets.UTF_8))) {
      List<Encoding> encodings = core.encode(characters, false);
      for (int i = 0; i < encodings.size(); i++) {
        matches.set(i, encodings.get(i).ids().length == 0);
      }
    }
    return matches;
  }

  private static BitSet matches(IntPredicate rule, List<String> characters) {
    BitSet matches = new BitSet();
    for (int i = 0; i < characters.size(); i++) {
      matches.set(i, rule.test(characters.get(i).codePointAt(0)));
    }
    return matches;
  }

  @Test
  void everyKnownCharacterIsOneKindHereAndInTheCore() throws IOException {
    List<String> known =
        Arrays.stream(WordCuts.KNOWN)
            .flatMapToInt(range -> IntStream.rangeClosed(range[0], range[1]))
            .mapToObj(Character::toString)
            .toList();
    assertThat(known).hasSizeGreaterThan(35_000);
    assertThat(matches("\\p{L}", known)).isEqualTo(matches(Character::isLetter, known));
    assertThat(matches("\\p{N}", known)).isEqualTo(matches(WordCuts::isNumber, known));
    assertThat(matches("\\s", known)).isEqualTo(matches(WordCuts::isSpace, known));
    // The rest of what an ignored case may make of a contraction is a letter, and stays with it.
    BitSet contracted = matches("'(?i:s|t|m|d)", known.stream().map(it -> "'" + it).toList());
    BitSet letters = matches(Character::isLetter, known);
    assertThat(contracted.stream().allMatch(letters::get)).isTrue();
    assertThat(contracted.cardinality()).isGreaterThanOrEqualTo(8);
  }

  @Test
  void onlyKnownCharactersAreCutHere() {
    assertThat(WordCuts.knows("Größe 你好 \ud83d\ude00 ½ \r\n")).isTrue();
    assertThat(WordCuts.knows("")).isTrue();
    assertThat(WordCuts.knows("a\u0085b")).isFalse();
    assertThat(WordCuts.knows("\ud83d")).isFalse();
    assertThat(WordCuts.knows("न")).isFalse();
    assertThat(WordCuts.knows("e\u0301")).isFalse();
    assertThat(WordCuts.knows("\u212b")).as("a normalizer would change it").isFalse();
  }

  @Test
  void aTokenizerThatSaysAnythingElseIsLeftAsItIs() throws IOException {
    llama3().close();
    assertThat(isCached(_ -> {})).isTrue();
    assertThat(isCached(root -> split(root).putObject("pattern").put("Regex", LLAMA_3 + " ")))
        .isFalse();
    assertThat(isCached(root -> split(root).put("behavior", "Removed"))).isFalse();
    assertThat(isCached(root -> ((ObjectNode) root.get("model")).put("dropout", 0.1))).isFalse();
    assertThat(isCached(root -> root.putObject("normalizer").put("type", "Lowercase"))).isFalse();
    assertThat(isCached(root -> root.putObject("normalizer").put("type", "NFC"))).isTrue();
    assertThat(isCached(root -> ((ObjectNode) root.get("added_tokens").get(0)).put("rstrip", true)))
        .isFalse();
  }

  private static ObjectNode split(ObjectNode root) {
    return (ObjectNode) root.get("pre_tokenizer").get("pretokenizers").get(0);
  }

  private boolean isCached(Consumer<ObjectNode> change) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    byte[] before = Files.readAllBytes(file);
    ObjectNode root = (ObjectNode) JsonFiles.MAPPER.readTree(before);
    change.accept(root);
    Files.write(file, JsonFiles.MAPPER.writeValueAsBytes(root));
    try (HuggingFaceTokens core = HuggingFaceTokens.load(folder)) {
      return WordCache.of(core) instanceof WordCache;
    } finally {
      Files.write(file, before);
    }
  }
}
