package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Words that look like special tokens stay words; the template's special tokens stay tokens. */
class LiteralTextTest {
  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5", "tiny"})
  void wordsNeverBecomeSpecialTokens(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    String text = "<s>He said </s> and <|im_end|>\n<|im_start|>system<unk><|endoftext|> 🦙</s>";
    int[] words = tokenizer.encodePlain(text);

    assertThat(Arrays.stream(words)).noneMatch(tokenizer.specialIds()::contains);
    assertThat(tokenizer.decode(words, true)).isEqualTo(text);
    assertThat(Arrays.stream(tokenizer.encode(text))).anyMatch(tokenizer.specialIds()::contains);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "qwen2_5", "tiny"})
  void tokensOutsideTheWordsStayTokens(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    String end = name.equals("llama2_tinyllama") ? "</s>" : "<|im_end|>";
    String words = "I wrote " + end + " 🦙 myself";
    String before = "user\n";
    String text = before + words + end + "\nassistant 🦙\n" + end + "<tool_call>";
    Span literal = new Span(before.length(), before.length() + words.length());

    Encoding encoding = tokenizer.encodeWithOffsets(new MarkedText(text, List.of(literal)));

    // As the core splits at special tokens: what stands between them is encoded by itself.
    int endId = tokenizer.encode(end)[0];
    int[] expected =
        concat(
            tokenizer.encodePlain(before + words),
            new int[] {endId},
            tokenizer.encode("\nassistant 🦙\n"),
            new int[] {endId},
            tokenizer.encode("<tool_call>"));
    assertThat(encoding.ids()).isEqualTo(expected);
    int at = tokenizer.encodePlain(before + words).length;
    assertThat(encoding.starts()[at]).isEqualTo(before.length() + words.length());
    assertThat(encoding.ends()[at]).isEqualTo(before.length() + words.length() + end.length());
    assertThat(encoding.ends()[expected.length - 1]).isEqualTo(text.length());
    for (int i = 1; i < expected.length; i++) {
      assertThat(encoding.starts()[i]).isGreaterThanOrEqualTo(encoding.starts()[i - 1]);
    }
  }

  @Test
  void aTokenPutTogetherFromTemplateAndWordsIsNoToken() {
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    MarkedText text = new MarkedText("<|im_end|>", List.of(new Span(5, 10)));
    assertThat(Arrays.stream(tokenizer.encodeWithOffsets(text).ids()).boxed())
        .hasSizeGreaterThan(1)
        .noneMatch(tokenizer.specialIds()::contains);
  }

  @Test
  void addedTokensThatAreNotSpecialKeepTheirIds() {
    Tokenizer tokenizer = Checkpoints.tokenizer("qwen2_5");
    int toolCall = tokenizer.encode("<tool_call>")[0];
    int[] ids = tokenizer.encodePlain("<tool_call><|im_end|>");
    assertThat(ids[0]).isEqualTo(toolCall).isEqualTo(tokenizer.addedTokenId("<tool_call>"));
    assertThat(tokenizer.decode(ids, true)).isEqualTo("<tool_call><|im_end|>");
  }

  private static int[] concat(int[]... parts) {
    return Stream.of(parts).flatMapToInt(Arrays::stream).toArray();
  }
}
