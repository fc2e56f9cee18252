package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Parquet files written by hyparquet-writer 0.17 with the three-level lists that Arrow writes: a
 * column of messages in two row groups, tokens, and two plain columns.
 */
class ParquetTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"snappy", "gzip", "none"})
  void messagesWithOtherColumnsBesideThem(String codec) {
    List<DataRow> rows = new ArrayList<>();
    try (ConversationReader reader =
        ConversationReader.openUnread(
            file("messages." + codec + ".parquet"), DataFormat.AUTO, Map.of())) {
      for (DataRow row = reader.read(); row != null; row = reader.read()) {
        rows.add(row);
      }
      assertThat(reader.format()).isEqualTo(DataFormat.MESSAGES);
      assertThat(reader.formatReason()).startsWith("messages, because the first row");
    }
    assertThat(rows).hasSize(3);
    assertThat(messages(rows.get(0)))
        .containsExactly(Message.human("Grüße 🦙"), Message.assistant("Hallo."));
    assertThat(rows.get(0).fields())
        .containsEntry("id", 1L)
        .containsEntry("source", "ward")
        .containsEntry("score", 0.5);
    assertThat(messages(rows.get(1)))
        .containsExactly(
            Message.system("S"),
            new Message(Role.HUMAN, "Hi", Map.of("name", "Bob"), true),
            Message.assistant("Yo"));
    assertThat(rows.get(1).fields()).doesNotContainKey("source");
    assertThat(messages(rows.get(2))).hasSize(4);
    assertThat(rows).extracting(row -> row.row().origin().line()).containsExactly(1L, 2L, 3L);
  }

  @Test
  void tokensOfBothWidths() {
    List<Row> rows = rows("tokens.snappy.parquet", Map.of());
    assertThat((TokenSequence) rows.getFirst())
        .isEqualTo(
            new TokenSequence(
                new int[] {1, 5, 7}, new boolean[] {false, true, true}, rows.getFirst().origin()));
    assertThat(rows).hasSize(2);
  }

  @Test
  void columnsUnderOtherNames() {
    List<Row> rows =
        rows("pairs.snappy.parquet", Map.of("prompt", "Question", "completion", "Answer"));
    assertThat(((Conversation) rows.get(1)).messages())
        .containsExactly(Message.human("Why?"), Message.assistant("So."));
  }

  @Test
  void aDamagedFileIsNamed() throws IOException {
    byte[] good = Files.readAllBytes(file("messages.snappy.parquet"));
    for (int length : new int[] {4, 20, good.length / 2, good.length - 4}) {
      Path cut = folder.resolve("cut" + length + ".parquet");
      Files.write(cut, Arrays.copyOf(good, length));
      assertThatThrownBy(() -> rows(cut, Map.of()))
          .isInstanceOf(DataException.class)
          .hasMessageStartingWith(cut + " cannot be read as Parquet: ");
    }
  }

  /** The library's threads may die on a page that they do not understand, and nobody is told. */
  @Test
  void aDamagedPageNeitherHangsNorGoesUnnoticedForEver() throws IOException {
    byte[] good = Files.readAllBytes(file("messages.snappy.parquet"));
    Path flipped = folder.resolve("flipped.parquet");
    int refused = 0;
    for (int at = 4; at < 60; at += 4) {
      byte[] bytes = good.clone();
      bytes[at] ^= 0x55;
      Files.write(flipped, bytes);
      try (ParquetRows rows = ParquetRows.open(flipped, Duration.ofMillis(100))) {
        RawRow row = rows.next();
        while (row != null) {
          row = rows.next();
        }
      } catch (DataException e) {
        assertThat(e).hasMessageStartingWith(flipped + " cannot be read as Parquet: ");
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }

  private List<Row> rows(String name, Map<String, String> columns) {
    return rows(file(name), columns);
  }

  private static List<Row> rows(Path file, Map<String, String> columns) {
    List<Row> rows = new ArrayList<>();
    try (ConversationReader reader = ConversationReader.open(file, DataFormat.AUTO, columns)) {
      reader.forEach(rows::add);
    }
    return rows;
  }

  private static List<Message> messages(DataRow row) {
    return ((Conversation) row.row()).messages();
  }

  private Path file(String name) {
    Path file = folder.resolve(name);
    try (InputStream in = Objects.requireNonNull(ParquetTest.class.getResourceAsStream(name))) {
      Files.write(file, in.readAllBytes());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return file;
  }
}
