package dev.graft.modelio.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.Conformance;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufTokenizerTest {
  private static final String SPLIT =
      """
      {"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"%s"},\
      "behavior":"Isolated","invert":false},\
      {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}\
      """;

  private static final String LLAMA_3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}"
          + "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+";

  @TempDir Path temp;

  private GgufTokenizer read(int rows) {
    return GgufTokenizer.read(temp, model(rows), Optional.of("{{ x }}"));
  }

  private static ModelConfig model(int rows) {
    return RandomCheckpoint.llama().vocabSize(rows).config();
  }

  private void write(String preTokenizer, String model) throws IOException {
    Files.writeString(
        temp.resolve("tokenizer.json"),
        """
        {"added_tokens":[{"id":3,"content":"<s>","special":true},
                         {"id":4,"content":"</s>","special":true},
                         {"id":5,"content":"word","special":false}],
         "normalizer":null,"pre_tokenizer":%s,"post_processor":null,
         "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],%s}}
        """
            .formatted(preTokenizer, model));
    Files.writeString(
        temp.resolve("tokenizer_config.json"),
        "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"},\"add_bos_token\":true}");
  }

  private static List<GgufValue> values(GgufTokenizer tokenizer, String key) {
    GgufValue value = Objects.requireNonNull(tokenizer.metadata().get("tokenizer.ggml." + key));
    return ((GgufValue.Array) value).values();
  }

  private static List<String> texts(GgufTokenizer tokenizer, String key) {
    return values(tokenizer, key).stream().map(v -> ((GgufValue.Text) v).value()).toList();
  }

  private static List<Long> wholes(GgufTokenizer tokenizer, String key) {
    return values(tokenizer, key).stream().map(v -> ((GgufValue.Whole) v).value()).toList();
  }

  @Test
  void aByteLevelTokenizer() throws IOException {
    write("{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", "\"byte_fallback\":false");

    GgufTokenizer tokenizer = read(8);

    assertThat(tokenizer.metadata())
        .containsEntry("tokenizer.ggml.model", GgufValue.of("gpt2"))
        .containsEntry("tokenizer.ggml.pre", GgufValue.of("gpt-2"))
        .containsEntry("tokenizer.ggml.bos_token_id", GgufValue.of(3))
        .containsEntry("tokenizer.ggml.eos_token_id", GgufValue.of(4))
        .containsEntry("tokenizer.ggml.eot_token_id", GgufValue.of(2))
        .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.of(true))
        .containsEntry("tokenizer.ggml.add_eos_token", GgufValue.of(false))
        .containsEntry("tokenizer.chat_template", GgufValue.of("{{ x }}"));
    assertThat(texts(tokenizer, "tokens"))
        .containsExactly("a", "b", "ab", "<s>", "</s>", "word", "[PAD6]", "[PAD7]");
    assertThat(wholes(tokenizer, "token_type")).containsExactly(1L, 1L, 1L, 3L, 3L, 4L, 5L, 5L);
    assertThat(texts(tokenizer, "merges")).containsExactly("a b");
  }

  @ParameterizedTest
  @CsvSource({"true, llama-bpe", "false, smaug-bpe"})
  void llama3sExpression(boolean ignoreMerges, String name) throws IOException {
    write(SPLIT.formatted(LLAMA_3), "\"ignore_merges\":" + ignoreMerges);
    assertThat(read(6).metadata()).containsEntry("tokenizer.ggml.pre", GgufValue.of(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\\\p{L}+", LLAMA_3 + "|x"})
  void anExpressionThatLlamaCppDoesNotHaveIsRefused(String expression) throws IOException {
    write(SPLIT.formatted(expression), "\"ignore_merges\":true");
    assertThatThrownBy(() -> read(6))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("no pre-tokenizer that is known to mean the same")
        .hasMessageContaining("--to peft or merged");
  }

  @Test
  void aTokenizerOfAnotherModelIsRefused() throws IOException {
    write("{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", "\"byte_fallback\":false");
    assertThatThrownBy(() -> read(5)).hasMessageContaining("belongs to another model");
    Files.delete(temp.resolve("tokenizer.json"));
    assertThatThrownBy(() -> read(8)).hasMessageContaining("a GGUF file needs the tokenizer");
  }

  /**
   * SentencePiece scores a merged token -(id - 259): its merges were learned in that order. Runs of
   * spaces are the exception: tokenizer.json merges them last, so that llama.cpp has to, too.
   */
  @Test
  void sentencePieceScoresHaveTheOrderOfTheOriginal() throws IOException {
    Path folder = Conformance.path("tokenizers");
    Files.copy(folder.resolve("llama2_tinyllama.tokenizer.json"), temp.resolve("tokenizer.json"));
    Files.copy(
        folder.resolve("llama2_tinyllama.tokenizer_config.json"),
        temp.resolve("tokenizer_config.json"));

    GgufTokenizer tokenizer = read(32_000);

    assertThat(tokenizer.metadata())
        .containsEntry("tokenizer.ggml.model", GgufValue.of("llama"))
        .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.of(true))
        .containsEntry("tokenizer.ggml.add_space_prefix", GgufValue.of(true))
        .containsEntry("tokenizer.ggml.unknown_token_id", GgufValue.of(0))
        .containsEntry("tokenizer.ggml.bos_token_id", GgufValue.of(1))
        .containsEntry("tokenizer.ggml.eos_token_id", GgufValue.of(2));
    List<Long> kinds = wholes(tokenizer, "token_type");
    assertThat(kinds.subList(0, 3)).containsExactly(2L, 3L, 3L);
    assertThat(kinds.subList(3, 259)).containsOnly(6L);
    assertThat(kinds.subList(259, 32_000)).containsOnly(1L);
    List<GgufValue> scores = values(tokenizer, "scores");
    List<String> texts = texts(tokenizer, "tokens");
    double before = Double.MAX_VALUE;
    int compared = 0;
    for (int id = 259; id < 29_871; id++) {
      double score = ((GgufValue.Real) scores.get(id)).value();
      if (texts.get(id).matches("\u2581+")) {
        assertThat(score).as("id %d", id).isLessThan(-29_000);
        continue;
      }
      assertThat(score).as("id %d", id).isLessThan(before);
      before = score;
      compared++;
    }
    assertThat(compared).isGreaterThan(29_000);
  }
}
