package dev.graft.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenFileTest {

  private static final String KEY = "0123456789abcdef".repeat(4);
  private static final List<Path> FILES = List.of(Path.of("a.jsonl"), Path.of("b.jsonl"));

  @TempDir Path folder;
  private final Random random = new Random(3);

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    // Far more than a buffer, and every length from 1.
    List<TokenSequence> examples = examples(700);
    Path file = write(examples, folder.resolve("data.tokens"));
    TokenFile read = TokenFile.open(file, KEY, FILES).orElseThrow();

    assertThat(read.size()).isEqualTo(700);
    assertThat(read.about().path("word").asString("")).isEqualTo("Grüße");
    assertThat(read.examples(part -> true)).isEqualTo(examples);
    List<TokenSequence> third = read.examples(part -> part == 2);
    assertThat(third).hasSize(233);
    assertThat(third.get(1)).isEqualTo(examples.get(5));
    assertThat(read.row(699)).isEqualTo(new TokenFile.Row(0, 1, 1700, "%064x".formatted(699)));
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void anEmptyFileHasNoExamples() throws IOException {
    Path file = write(List.of(), folder.resolve("none.tokens"));
    assertThat(TokenFile.open(file, KEY, FILES).orElseThrow().examples(part -> true)).isEmpty();
  }

  @Test
  void whatIsDamagedOrOfAnotherKeyIsNotOpened() throws IOException {
    Path file = write(examples(20), folder.resolve("data.tokens"));
    byte[] good = Files.readAllBytes(file);
    assertThat(TokenFile.open(file, "0".repeat(64), FILES)).isEmpty();
    assertThat(TokenFile.open(file, KEY, FILES)).isPresent();
    for (int at = 0; at < good.length; at += 5) {
      byte[] damaged = good.clone();
      damaged[at] ^= 1;
      assertThat(opens(damaged)).as("byte %d changed", at).isFalse();
    }
    for (int length : new int[] {0, 1, 47, 48, 71, 72, good.length / 2, good.length - 1}) {
      assertThat(opens(Arrays.copyOf(good, length))).as("cut to %d bytes", length).isFalse();
    }
    assertThat(opens(Arrays.copyOf(good, good.length + 4))).isFalse();
    assertThatThrownBy(() -> TokenFile.open(folder.resolve("nowhere"), KEY, FILES))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void aFailureLeavesNothing() {
    Path file = folder.resolve("data.tokens");
    assertThatThrownBy(() ->
            TokenFile.write(
                file,
                KEY,
                writer -> {
                  writer.add(examples(1).getFirst(), 0, 0, KEY);
                  throw new IllegalStateException("row 2");
                }))
        .hasMessage("row 2");
    assertThat(folder).isEmptyDirectory();
  }

  private boolean opens(byte[] bytes) throws IOException {
    Path file = folder.resolve("damaged.tokens");
    Files.write(file, bytes);
    return TokenFile.open(file, KEY, FILES).isPresent();
  }

  private static Path write(List<TokenSequence> examples, Path file) {
    TokenFile.write(
        file,
        KEY,
        writer -> {
          for (int i = 0; i < examples.size(); i++) {
            writer.add(examples.get(i), i % 3, i % 2, "%064x".formatted(i));
          }
          return Map.of("word", "Grüße");
        });
    return file;
  }

  private List<TokenSequence> examples(int count) {
    List<TokenSequence> examples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] ids = new int[1 + i];
      boolean[] target = new boolean[ids.length];
      for (int t = 0; t < ids.length; t++) {
        ids[t] = random.nextInt(1 << 24);
        target[t] = random.nextBoolean();
      }
      examples.add(new TokenSequence(ids, target, new Origin(FILES.get(i % 2), 1001 + i)));
    }
    return examples;
  }
}
