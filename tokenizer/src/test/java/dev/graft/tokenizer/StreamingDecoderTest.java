package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamingDecoderTest {
  private static final String TEXT =
      "  Hello 🦙🦙 日本語 ខ្មែរ é\u0301\n\n 👍🏽👨‍👩‍👧 the end</s> again ";

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5", "stories260K", "tiny"})
  void piecesOfTextMakeTheWhole(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    for (boolean skipSpecial : new boolean[] {false, true}) {
      assertStreamsAsAWhole(tokenizer, tokenizer.encode(TEXT), skipSpecial);
      assertStreamsAsAWhole(tokenizer, tokenizer.encodePlain(TEXT), skipSpecial);
      assertStreamsAsAWhole(tokenizer, tokenizer.encode("</s>" + TEXT), skipSpecial);
      assertStreamsAsAWhole(tokenizer, new int[0], skipSpecial);
    }
  }

  /** Random ids are mostly nonsense: broken characters, control tokens, ids without a token. */
  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5", "stories260K", "tiny"})
  void piecesOfNonsenseMakeTheWhole(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    int[] low = {0, 1, 2, 3, 259, 300};
    for (int seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      int bound = seed % 3 == 0 ? tokenizer.vocabularySize() + 5 : low[3 + seed % 3];
      int[] ids = random.ints(1 + random.nextInt(207), 0, bound).toArray();
      assertStreamsAsAWhole(tokenizer, ids, seed % 2 == 0);
    }
  }

  /** Real text with every few ids replaced, so that characters break in the middle. */
  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "qwen2_5", "stories260K", "tiny"})
  void piecesOfDamagedTextMakeTheWhole(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    int[] good = tokenizer.encode(TEXT.repeat(3));
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      int[] ids =
          IntStream.of(good)
              .map(id -> random.nextInt(6) == 0 ? random.nextInt(300) : id)
              .filter(id -> random.nextInt(6) > 0)
              .toArray();
      assertStreamsAsAWhole(tokenizer, ids, seed % 2 == 0);
    }
  }

  @Test
  void plainTextComesTokenByToken() {
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    StreamingDecoder decoder = tokenizer.streamingDecoder(true);
    for (int id : tokenizer.encode("The doctor asked, hello world.\n")) {
      assertThat(decoder.next(id)).isNotEmpty();
    }
    assertThat(decoder.flush()).isEmpty();
  }

  @Test
  void anEmojiComesWhenItIsWhole() {
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    StreamingDecoder decoder = tokenizer.streamingDecoder(true);
    int[] ids = tokenizer.encode("🦙");
    assertThat(ids).hasSize(4);
    assertThat(decoder.next(ids[0])).isEmpty();
    assertThat(decoder.next(ids[1])).isEmpty();
    assertThat(decoder.next(ids[2])).isEmpty();
    assertThat(decoder.next(ids[3])).isEqualTo("🦙");
    assertThat(decoder.next(ids[0])).isEmpty();
    assertThat(decoder.flush()).isEqualTo("\uFFFD");
    assertThat(decoder.next(tokenizer.encode("x")[0])).isEqualTo("x");
    assertThatThrownBy(() -> decoder.next(-1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void workPerTokenDoesNotGrow() {
    long[] decoded = {0};
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    StreamingDecoder decoder =
        new StreamingDecoder(
            ids -> {
              decoded[0] += ids.length;
              return tokenizer.decode(ids, true);
            },
            id -> false,
            id -> false);
    // Continuation bytes alone: no character ever becomes whole.
    int broken = tokenizer.encode("🦙")[3];
    int[] word = tokenizer.encode("hello ");
    for (int i = 0; i < 5000; i++) {
      decoder.next(i < 2500 ? broken : word[i % word.length]);
    }
    assertThat(decoded[0]).isLessThan(5000 * 40);
  }

  private static void assertStreamsAsAWhole(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(skipSpecial);
    StringBuilder pieces = new StringBuilder();
    for (int id : ids) {
      String piece = decoder.next(id);
      if (!piece.isEmpty()) {
        assertThat(Character.isHighSurrogate(piece.charAt(piece.length() - 1))).isFalse();
        assertThat(Character.isLowSurrogate(piece.charAt(0))).isFalse();
      }
      pieces.append(piece);
    }
    pieces.append(decoder.flush());
    assertThat(pieces).hasToString(tokenizer.decode(ids, skipSpecial));
  }
}
