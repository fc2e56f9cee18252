package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConversationReaderTest {
  private static final String GOOD =
      "{\"conversations\":[{\"role\":\"human\",\"content\":\"Hi\"},"
          + "{\"role\":\"assistant\",\"content\":\"Hello.\"}]}";

  @TempDir Path folder;

  @Test
  void oneObjectALine() {
    List<Row> rows = read(GOOD + "\n" + GOOD.replace("human", "user") + "\n\n" + GOOD);

    assertThat(rows).hasSize(3);
    assertThat(rows.get(1))
        .isEqualTo(
            new Conversation(
                List.of(Message.human("Hi"), Message.assistant("Hello.")), new Origin(file(), 2)));
    assertThat(rows.get(2).origin()).hasToString(file() + " line 4");
  }

  @Test
  void prettyPrintedObjectsOneAfterAnother() {
    String pretty =
        """
        {
          "conversations": [
            {"role": "system", "content": "Be brief."},
            {
              "content": "Grüße \\ud83e\\udd99 \\"quoted\\"\\nline",
              "role": "human"
            },
            {"role": "assistant", "content": "日本語"}
          ]
        }
        """;

    List<Row> rows = read("\uFEFF" + pretty.replace("\n", "\r\n") + pretty + GOOD + GOOD);

    assertThat(rows).hasSize(4);
    assertThat(rows.get(0))
        .isEqualTo(
            new Conversation(
                List.of(
                    Message.system("Be brief."),
                    Message.human("Grüße 🦙 \"quoted\"\nline"),
                    Message.assistant("日本語")),
                new Origin(file(), 1)));
    assertThat(rows).extracting(row -> row.origin().line()).containsExactly(1L, 11L, 21L, 21L);
  }

  @Test
  void tokensWithLabels() {
    List<Row> rows = read("{\"input_ids\":[1,5,7],\"labels\":[-100,5,-100]}");

    assertThat(rows)
        .containsExactly(
            new TokenSequence(
                new int[] {1, 5, 7}, new boolean[] {false, true, false}, new Origin(file(), 1)));
  }

  @Test
  void autoSaysWhatItFoundAndWhy() {
    write(GOOD);
    try (ConversationReader reader = ConversationReader.open(file(), DataFormat.AUTO)) {
      assertThat(reader.format()).isEqualTo(DataFormat.CONVERSATIONS);
      assertThat(reader.formatReason())
          .isEqualTo("conversations, because the first row (line 1) has the key \"conversations\"");
    }
    write("\n{\"labels\":[-100,5],\"input_ids\":[1,5]}");
    try (ConversationReader reader = ConversationReader.open(file(), DataFormat.AUTO)) {
      assertThat(reader.format()).isEqualTo(DataFormat.TOKENS);
      assertThat(reader.formatReason()).contains("line 2").contains("\"input_ids\"");
    }
  }

  @Test
  void keysThatMeanNothingHereAreCounted() {
    write(
        GOOD.replaceFirst("\\{", "{\"id\":1,\"source\":{\"a\":[1,{}]},")
            + GOOD.replaceFirst("\\{", "{\"id\":\"x\","));
    try (ConversationReader reader = ConversationReader.open(file(), DataFormat.AUTO)) {
      reader.iterator().forEachRemaining(row -> {});
      assertThat(reader.ignoredKeys()).isEqualTo(Map.of("id", 2L, "source", 1L));
    }
  }

  @Test
  void rowsBeforeAWrongOneAreGivenOut() {
    write(GOOD + "\n" + GOOD + "\n{}\n");
    List<Row> rows = new ArrayList<>();
    try (ConversationReader reader = ConversationReader.open(file(), DataFormat.AUTO)) {
      assertThatThrownBy(() -> reader.iterator().forEachRemaining(rows::add))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("line 3");
    }
    assertThat(rows).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"conversations\": [{\"role\": \"human\" \"content\": \"x\"}]}",
        "{\"conversations\":[}",
        "garbage",
        "}",
        "{\"conversations\":[{\"role\":\"human\",\"content\":\"open}]}",
        // Without its last brace a row fails only where the next one begins.
        "{\"conversations\":[{\"role\":\"human\",\"content\":\"x\"},"
            + "{\"role\":\"assistant\",\"content\":\"y\"}]",
        "{\"conversations\":[{\"role\":\"human\",\"content\":\"tab\tinside\"}]}",
        "{\"conversations\":[{\"role\":\"human\",\"content\":\"nul\u0000inside\"}]}",
        "{'conversations':[]}",
        "{\"conversations\":[],}",
      })
  void malformedJsonInLine17(String line) {
    String file = (GOOD + "\n").repeat(16) + line + "\n" + GOOD;
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(file() + " line 17: not valid JSON")
        .hasMessageContaining("Fix or remove the row.");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{`x`:1} | none of the keys [x] is known. A row needs \"conversations\"",
        "{} | the row is empty",
        "{`conversation`:[]} | did you mean \"conversations\"?",
        "[{`conversations`:[]}] | no messages",
        "`text` | a row must be a JSON object",
        "42 | a row must be a JSON object",
        "{`conversations`:[]} | no messages",
        "{`conversations`:{}} | must be a list of messages",
        "{`conversations`:[`Hi`]} | message 1 must be an object like",
        "{`conversations`:[{`role`:`human`,`content`:`x`}]} | no assistant message",
        "{`conversations`:[{`role`:`human`}]} | message 1 has no \"content\"",
        "{`conversations`:[{`content`:`x`}]} | message 1 has no \"role\"",
        "{`conversations`:[{`role`:7,`content`:`x`}]} | \"role\" must be a string, not a number",
        "{`conversations`:[{`role`:`human`,`content`:null}]} | must be a string, not null",
        "{`conversations`:[{`role`:`human`,`content`:[`x`]}]} | must be a string, not a list",
        "{`conversations`:[{`role`:`asistant`,`content`:`x`}]} |"
            + " unknown role \"asistant\"; did you mean \"assistant\"? Known roles: system, human",
        "{`conversations`:[{`role`:`bot`,`content`:`x`}]} | unknown role \"bot\". Known roles",
        "{`conversations`:[{`role`:`Human`,`content`:`x`}]} | did you mean \"human\"?",
        "{`conversations`:[{`role`:`human`,`contents`:`x`}]} | did you mean \"content\"?",
        "{`conversations`:[{`role`:`human`,`content`:`x`,`trian`:false}]} | unknown key \"trian\"",
        "{`conversations`:[{`role`:`assistant`,`content`:`x`}]} | should be from human",
        "{`input_ids`:[1],`labels`:[]} | 1 input_ids but 0 labels",
        "{`input_ids`:[],`labels`:[]} | input_ids is empty",
        "{`input_ids`:[1]} | \"input_ids\" without \"labels\"",
        "{`labels`:[1]} | \"labels\" without \"input_ids\"",
        "{`input_ids`:[1,-2],`labels`:[1,-100]} | input_ids[1] is -2",
        "{`input_ids`:[1,2],`labels`:[2,-100]} | labels[0] is 2 where input_ids[0] is 1",
        "{`input_ids`:[1,2.0],`labels`:[1,-100]} | input_ids[1] is not an integer",
        "{`input_ids`:[1,3000000000],`labels`:[1,-100]} | input_ids[1] is not an integer of 32",
        "{`input_ids`:`1`,`labels`:[1]} | \"input_ids\" must be a list of integers",
        "{`input_ids`:[1],`labels`:[1],`conversations`:[]} | both \"conversations\" and token ids",
      })
  void whatIsWrongIsNamed(String row, String message) {
    assertThatThrownBy(() -> read(row.replace('`', '"')))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(file() + " line 1: ")
        .hasMessageContaining(message);
  }

  @Test
  void turnsMustAlternateAndEndWithTheAssistant() {
    assertWrong(conversation("human", "human", "assistant"), "message 2 should be from assistant");
    assertWrong(conversation("human", "assistant", "assistant"), "take turns");
    assertWrong(conversation("human", "assistant", "human"), "ends with a human message");
    assertWrong(conversation("human", "system", "assistant"), "only the first message may be one");
    assertWrong(conversation("system", "assistant"), "message 2 should be from human");
    assertThat(read(conversation("system", "human", "assistant", "human", "assistant"))).hasSize(1);
  }

  @Test
  void emptyAnswersAreRefused() {
    assertWrong(GOOD.replace("Hello.", ""), "message 2 (assistant) is empty");
    assertWrong(GOOD.replace("Hello.", " \\n\\t"), "message 2 (assistant) is empty");
    assertThat(read(GOOD.replace("Hi", ""))).hasSize(1);
  }

  @Test
  void duplicateKeysAreRefused() {
    assertWrong(
        GOOD.replace("\"content\":\"Hi\"", "\"content\":\"Hi\",\"content\":\"Ho\""), "uplicate");
    assertWrong(GOOD.replaceFirst("\\{", "{\"id\":1,\"id\":2,"), "uplicate");
  }

  @Test
  void charactersThatNoTextContains() {
    assertWrong(GOOD.replace("Hi", "H\\u0000i"), "character 2 of the content is NUL");
    assertWrong(GOOD.replace("Hi", "Hi \\ud83e"), "character 4 of the content is half a character");
    assertWrong(GOOD.replace("Hi", "\\udd99\\ud83e"), "half a character (\\udd99");
  }

  @Test
  void theLineInsideALongRowIsNamed() {
    String pretty = GOOD.replace("[", "[\n").replace("},", "},\n\n").replace("assistant", "bot");
    assertWrong(GOOD + "\n" + pretty, "line 2: message 2 (line 5): unknown role \"bot\"");
  }

  @Test
  void emptyFiles() {
    for (String nothing : List.of("", " \n\t\r\n ", "\uFEFF")) {
      assertWrong(nothing, "the file is empty");
    }
  }

  @Test
  void theEndIsMissing() {
    assertWrong(GOOD + "\n" + GOOD.substring(0, 40), "line 2: the file ends inside this row");
  }

  @Test
  void filesOfAnotherKind() throws IOException {
    Path missing = folder.resolve("missing.jsonl");
    assertThatThrownBy(() -> ConversationReader.open(missing, DataFormat.AUTO))
        .isInstanceOf(DataException.class)
        .hasMessage(missing + " does not exist. Check the path.");
    assertThatThrownBy(() -> ConversationReader.open(folder, DataFormat.AUTO))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("is a folder");
    Map<String, String> kinds =
        Map.of(
            "1f8b0800", "cannot be read",
            "50415231", "cannot be read as Parquet",
            "504b0304", "zip",
            "fffe7b00", "UTF-16");
    for (Map.Entry<String, String> kind : kinds.entrySet()) {
      Files.write(file(), HexFormat.of().parseHex(kind.getKey()));
      assertThatThrownBy(() -> ConversationReader.open(file(), DataFormat.AUTO))
          .isInstanceOf(DataException.class)
          .hasMessageContaining(kind.getValue());
    }
  }

  @Test
  void invalidUtf8NamesItsLineEvenBehindTheFirstBuffer() throws IOException {
    for (int before : new int[] {0, 11, 3000}) {
      byte[] good = (GOOD + "\n").repeat(before).getBytes(StandardCharsets.UTF_8);
      byte[] bad = GOOD.replace("Hi", "Grüße").getBytes(StandardCharsets.ISO_8859_1);
      byte[] both = Arrays.copyOf(good, good.length + bad.length);
      System.arraycopy(bad, 0, both, good.length, bad.length);
      Files.write(file(), both);
      assertThatThrownBy(this::readFile)
          .isInstanceOf(DataException.class)
          .hasMessageStartingWith(file() + " line " + (before + 1) + ": byte 0xFC is not UTF-8");
    }
  }

  @Test
  void charactersAcrossBuffersAreWhole() {
    StringBuilder content = new StringBuilder();
    for (int i = 0; i < 70_000; i++) {
      content.append("a🦙é日".charAt(i % 5));
    }
    List<Row> rows = read(GOOD.replace("Hi", content));
    assertThat(((Conversation) rows.getFirst()).messages().getFirst().content())
        .isEqualTo(content.toString());
  }

  @Test
  void hugeStringsAndDeepNestingAreBounded() {
    String huge = "x".repeat(ConversationReader.MAX_STRING_CHARACTERS + 1);
    assertWrong(GOOD.replace("Hi", huge), "too large");
    assertWrong("{\"a\":" + "[".repeat(200) + "]".repeat(200) + "}", "too large");
  }

  @Test
  void oneFileOneKind() {
    String tokens = "{\"input_ids\":[1,5],\"labels\":[-100,5]}";
    assertWrong(GOOD + "\n" + tokens, "line 2: a pre-tokenized row among conversation rows");
    write(GOOD);
    assertThatThrownBy(() -> ConversationReader.open(file(), DataFormat.TOKENS))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("a conversation row among pre-tokenized rows");
  }

  @Test
  void formatNames() {
    assertThat(DataFormat.parse("tokens")).isEqualTo(DataFormat.TOKENS);
    assertThatThrownBy(() -> DataFormat.parse("json"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("one of auto, conversations, sharegpt");
  }

  @Test
  void realDialoguesAreReadWhole() {
    Path data = Checkpoints.conformance().resolve("data/mts-dialog");
    Map<String, Integer> rows = Map.of("train", 1201, "validation", 100, "test", 200);
    rows.forEach((name, count) -> {
      Path path = data.resolve(name + ".conversations.jsonl");
      try (ConversationReader reader = ConversationReader.open(path, DataFormat.AUTO)) {
        assertThat(reader).hasSize(count);
        assertThat(reader.ignoredKeys()).isEmpty();
      }
    });
  }

  @Test
  void theGoldenRunsTokensAreRead() {
    Path data = Checkpoints.conformance().resolve("lora-training/stories260K/data.jsonl");
    try (ConversationReader reader = ConversationReader.open(data, DataFormat.AUTO)) {
      assertThat(reader.format()).isEqualTo(DataFormat.TOKENS);
      List<Integer> targets = new ArrayList<>();
      reader.forEach(row -> targets.add(((TokenSequence) row).targetCount()));
      assertThat(targets).hasSize(6).allMatch(count -> count > 0);
    }
  }

  private static String conversation(String... roles) {
    List<String> messages = new ArrayList<>();
    for (String role : roles) {
      messages.add("{\"role\":\"" + role + "\",\"content\":\"x\"}");
    }
    return "{\"conversations\":[" + String.join(",", messages) + "]}";
  }

  private void assertWrong(String text, String message) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(file().toString())
        .hasMessageContaining(message);
  }

  private Path file() {
    return folder.resolve("data.jsonl");
  }

  private void write(String text) {
    Checkpoints.write(file(), text);
  }

  private List<Row> read(String text) {
    write(text);
    return readFile();
  }

  private List<Row> readFile() {
    List<Row> rows = new ArrayList<>();
    try (ConversationReader reader = ConversationReader.open(file(), DataFormat.AUTO)) {
      reader.forEach(rows::add);
    }
    return rows;
  }
}
