package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceTokensTest {
  private static final String MIXED = "Hello 🦙 x é\u0301 日本語\n\t the patient 👍🏽 <tool_call>";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "qwen2_5"})
  void conformanceCasesAreExact(String name) throws IOException {
    Path cases = Checkpoints.conformance().resolve("tokenizers");
    String[] inputs =
        Files.readString(cases.resolve(name + ".inp")).split("\n__ggml_vocab_test__\n", -1);
    String[] expected = Files.readString(cases.resolve(name + ".out")).split("\n", -1);
    assertThat(inputs).hasSize(47);
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    for (int i = 0; i < inputs.length; i++) {
      int[] ids =
          Arrays.stream(expected[i].split(" "))
              .filter(id -> !id.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      assertThat(tokenizer.encode(inputs[i])).as("case %d: %s", i, inputs[i]).isEqualTo(ids);
      assertThat(tokenizer.encodePlain(inputs[i])).as("case %d, as words", i).isEqualTo(ids);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5", "stories260K", "tiny"})
  void offsetsAreUtf16IndicesOfTheText(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    Encoding encoding = tokenizer.encodeWithOffsets(MarkedText.noneLiteral(MIXED));
    assertThat(encoding.ids()).isEqualTo(tokenizer.encode(MIXED));
    int end = 0;
    for (int i = 0; i < encoding.ids().length; i++) {
      assertThat(encoding.starts()[i]).isLessThanOrEqualTo(end);
      assertThat(encoding.ends()[i]).isGreaterThanOrEqualTo(end);
      end = encoding.ends()[i];
      assertThat(Character.isLowSurrogate((MIXED + " ").charAt(end))).isFalse();
    }
    assertThat(end).isEqualTo(MIXED.length());
    int llama = MIXED.indexOf("🦙");
    assertThat(IntStream.range(0, encoding.ids().length))
        .anyMatch(i -> encoding.starts()[i] <= llama && encoding.ends()[i] == llama + 2);
  }

  /** Places that are counted here are those that the core would tell. */
  @ParameterizedTest
  @ValueSource(strings = {"qwen2_5", "tiny"})
  void placesOfByteLevelTokensAreTheCores(String name) throws IOException {
    byte[] json = Files.readAllBytes(Checkpoints.folder(name).resolve("tokenizer.json"));
    TokenizerJson vocabulary = TokenizerJson.parse(Path.of("tokenizer.json"), json, Set.of());
    ByteOffsets offsets = Objects.requireNonNull(vocabulary.byteOffsets());
    Random random = new Random(13);
    String[] pieces = {
      "the ",
      "x",
      "  ",
      "\n\n",
      "🦙",
      "é",
      "日本",
      "<|im_end|>",
      "👍🏽",
      "\t",
      "123",
      "\u0000",
      "\uFEFF"
    };
    try (NativeTokenizer core = NativeTokenizer.load(json)) {
      for (int i = 0; i < 300; i++) {
        StringBuilder text = new StringBuilder();
        for (int j = random.nextInt(12); j >= 0; j--) {
          text.append(pieces[random.nextInt(pieces.length)]);
        }
        Encoding expected = core.encode(List.of(text.toString()), true).getFirst();
        Encoding placed = offsets.place(text.toString(), expected.ids());
        assertThat(placed).as(text.toString()).isEqualTo(expected);
      }
      // What NFC would change is left to the core.
      int[] ids = core.encode(List.of("e\u0301"), false).getFirst().ids();
      assertThat(offsets.place("e\u0301", ids) == null).isEqualTo(name.equals("qwen2_5"));
      assertThat(offsets.place("other", ids)).isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "stories260K"})
  void whereTokensAreNoBytesTheCoreIsAsked(String name) throws IOException {
    byte[] json = Files.readAllBytes(Checkpoints.folder(name).resolve("tokenizer.json"));
    assertThat(TokenizerJson.parse(Path.of("x"), json, Set.of()).byteOffsets()).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "stories260K", "tiny"})
  void textComesBackAsItWas(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    for (String text : List.of("", " ", "  two", MIXED, "nul \u0000 inside", "\uFEFF", "a\r\nb ")) {
      assertThat(tokenizer.decode(tokenizer.encode(text), false)).isEqualTo(text);
    }
    // Half a character can not be encoded: it becomes U+FFFD, in one place, not three.
    Encoding half = tokenizer.encodeWithOffsets(MarkedText.noneLiteral("a\uD83Ebc"));
    assertThat(tokenizer.decode(half.ids(), false)).isEqualTo("a\uFFFDbc");
    assertThat(half.ends()[half.ids().length - 1]).isEqualTo(4);
  }

  @Test
  void nothingIsTruncatedPaddedOrAdded() {
    Path checkpoint = Checkpoints.tiny(folder);
    Path file = checkpoint.resolve("tokenizer.json");
    Checkpoints.write(
        file,
        read(file)
            .replace(
                "\"truncation\":null",
                "\"truncation\":{\"direction\":\"Right\",\"max_length\":9,"
                    + "\"strategy\":\"LongestFirst\",\"stride\":0}")
            .replace(
                "\"padding\":null",
                "\"padding\":{\"strategy\":{\"Fixed\":64},\"direction\":\"Right\","
                    + "\"pad_to_multiple_of\":null,\"pad_id\":0,\"pad_type_id\":0,"
                    + "\"pad_token\":\"!\"}"));
    try (Tokenizer tokenizer = HuggingFaceTokens.load(checkpoint)) {
      assertThat(tokenizer.encode("z q ".repeat(5000))).hasSize(20_000);
      assertThat(tokenizer.encode("z")).hasSize(1);
      assertThat(tokenizer.encode("")).isEmpty();
    }
  }

  @Test
  void manyTextsAtOnceGiveWhatEachGivesAlone() {
    Random random = new Random(7);
    List<MarkedText> texts =
        IntStream.range(0, 207)
            .mapToObj(i -> MIXED.substring(0, random.nextInt(4)) + "</s>".repeat(i % 3) + i)
            .map(text ->
                text.length() % 2 == 0 ? MarkedText.allLiteral(text) : MarkedText.noneLiteral(text))
            .toList();
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    List<int[]> ids = tokenizer.encodeAll(texts);
    List<Encoding> encodings = tokenizer.encodeAllWithOffsets(texts);
    for (int i = 0; i < texts.size(); i++) {
      assertThat(ids.get(i)).isEqualTo(encodings.get(i).ids());
      assertThat(encodings.get(i)).isEqualTo(tokenizer.encodeWithOffsets(texts.get(i)));
    }
  }

  @Test
  void manyThreadsMayEncodeAtOnce() {
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    int[] expected = tokenizer.encodePlain(MIXED + "</s>");
    assertThat(
            IntStream.range(0, 400).parallel().mapToObj(i -> tokenizer.encodePlain(MIXED + "</s>")))
        .allSatisfy(ids -> assertThat(ids).isEqualTo(expected));
  }

  @Test
  void specialTokensOfRealCheckpoints() {
    Tokenizer llama = Checkpoints.tokenizer("llama2_tinyllama");
    Tokenizer mistral = Checkpoints.tokenizer("mistral_v1");
    Tokenizer qwen = Checkpoints.tokenizer("qwen2_5");
    Tokenizer stories = Checkpoints.tokenizer("stories260K");
    for (Tokenizer tokenizer : List.of(llama, mistral, stories)) {
      assertThat(tokenizer.bosId()).isEqualTo(1);
      assertThat(tokenizer.eosId()).isEqualTo(2);
      assertThat(tokenizer.addsBos()).isTrue(); // TinyLlama says so in its post-processor only
      assertThat(tokenizer.specialIds()).containsExactlyInAnyOrder(0, 1, 2);
      assertThat(tokenizer.endIds()).containsExactly(2);
    }
    assertThat(llama.vocabularySize()).isEqualTo(32_000);
    assertThat(stories.vocabularySize()).isEqualTo(512);
    assertThat(qwen.bosId()).isNull();
    assertThat(qwen.addsBos()).isFalse();
    assertThat(qwen.eosId()).isEqualTo(qwen.addedTokenId("<|im_end|>"));
    assertThat(qwen.vocabularySize()).isEqualTo(151_665);
    assertThat(qwen.specialIds()).doesNotContain(qwen.addedTokenId("<tool_call>"));
    assertThat(llama.fingerprint()).hasSize(64).isNotEqualTo(mistral.fingerprint());
  }

  @Test
  void endIdsComeFromAllFilesThatNameThem() {
    Path checkpoint = Checkpoints.tiny(folder);
    Checkpoints.write(checkpoint.resolve("tokenizer_config.json"), "{}");
    Checkpoints.write(checkpoint.resolve("generation_config.json"), "{\"eos_token_id\":[340,7]}");
    Checkpoints.write(
        checkpoint.resolve("config.json"), "{\"eos_token_id\":9,\"bos_token_id\":336}");
    try (Tokenizer tokenizer = HuggingFaceTokens.load(checkpoint)) {
      assertThat(tokenizer.endIds()).isEqualTo(Set.of(7, 9, 340));
      assertThat(tokenizer.eosId()).isEqualTo(7);
      assertThat(tokenizer.bosId()).isEqualTo(336);
      assertThat(tokenizer.addsBos()).isFalse(); // this post-processor adds nothing
    }
    Checkpoints.write(
        checkpoint.resolve("special_tokens_map.json"),
        "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"}}");
    try (Tokenizer tokenizer = HuggingFaceTokens.load(checkpoint)) {
      assertThat(tokenizer.eosId()).isEqualTo(tokenizer.addedTokenId("</s>"));
      assertThat(tokenizer.bosId()).isEqualTo(tokenizer.addedTokenId("<s>"));
    }
  }

  @Test
  void brokenCheckpointsAreNamed() {
    Path checkpoint = Checkpoints.tiny(folder);
    Path file = checkpoint.resolve("tokenizer.json");
    String good = read(file);
    assertLoadFails(folder.resolve("nowhere"), "tokenizer.json does not exist.");
    for (String broken :
        List.of(
            "", "{", "not json", "[]", "{}", "{\"model\":{\"vocab\":7}}", good.substring(0, 99))) {
      Checkpoints.write(file, broken);
      assertLoadFails(checkpoint, file.toString());
    }
    Checkpoints.write(file, good.replace("\"type\":\"BPE\"", "\"type\":\"Nothing\""));
    assertLoadFails(checkpoint, "is not accepted by the tokenizer library");
    Checkpoints.write(file, good.replace("\"merges\":[\"", "\"merges\":[\"q x\",\""));
    assertLoadFails(checkpoint, "is not accepted by the tokenizer library");
    Checkpoints.write(file, good.replace("\"A\":65", "\"A\":99999999"));
    assertLoadFails(checkpoint, "token id that is not an integer from 0");

    Checkpoints.write(file, good);
    Checkpoints.write(checkpoint.resolve("tokenizer_config.json"), "{\"eos_token\":\"<end>\"}");
    assertLoadFails(checkpoint, "eos_token is \"<end>\", but tokenizer.json has no such token");
    Checkpoints.write(checkpoint.resolve("tokenizer_config.json"), "{\n\"eos_token\" 7}");
    assertLoadFails(checkpoint, "tokenizer_config.json line 2: not valid JSON");
    Checkpoints.write(checkpoint.resolve("tokenizer_config.json"), "[]");
    assertLoadFails(checkpoint, "must hold a JSON object");
  }

  private static void assertLoadFails(Path checkpoint, String message) {
    assertThatThrownBy(() -> HuggingFaceTokens.load(checkpoint).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
