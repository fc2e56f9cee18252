package dev.graft.tokenizer.split;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFiles;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSplitTest {
  @TempDir Path folder;
  private final Random random = new Random(11);

  @Test
  void theOrderOfTheRowsDoesNotMatter() throws IOException {
    List<String> lines = lines(200);
    Map<String, Boolean> sides = sides(lines, "hash", 0.1);
    Collections.shuffle(lines, random);
    assertThat(sides(lines, "hash", 0.1)).isEqualTo(sides);
    assertThat(sides.values().stream().filter(held -> held).count()).isEqualTo(20);
  }

  @Test
  void likeRowsStayTogether() throws IOException {
    for (int attempt = 0; attempt < 5; attempt++) {
      List<String> lines = lines(60);
      String text = words(80);
      lines.add(line(text, words(40), 1));
      lines.add(line(text + " indeed", words(0) + "Yes", 2));
      String near = words(90);
      lines.add(line(near, "One.", 3));
      lines.add(line(near + " so", "One.", 4));
      Map<String, Boolean> sides = sides(lines, "hash", 0.4);
      assertThat(sides.get(lines.get(62))).isEqualTo(sides.get(lines.get(63)));
    }
  }

  @Test
  void groupsStayTogetherAndTheLatestAreHeldOut() throws IOException {
    List<String> lines = lines(100);
    Map<String, Boolean> byGroup = sides(lines, "group:patient", 0.2);
    Map<String, Boolean> ofPatient = new HashMap<>();
    for (DataRow row : rows(lines)) {
      String line = lines.get((int) row.row().origin().line() - 1);
      boolean held = byGroup.getOrDefault(line, false);
      Boolean before = ofPatient.putIfAbsent(String.valueOf(row.fields().get("patient")), held);
      assertThat(before == null || before == held).isTrue();
    }
    assertThat(byGroup.values()).contains(true, false);

    Map<String, Boolean> byTime = sides(lines, "time:day", 0.2);
    for (int i = 0; i < 100; i++) {
      assertThat(byTime.get(lines.get(i))).isEqualTo(i >= 80);
    }
    assertThatThrownBy(() -> sides(lines, "group:ward", 0.2))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("line 1: has no \"ward\"");
    assertThatThrownBy(() -> SplitRule.parse("group:")).isInstanceOf(DataException.class);
    List<String> same = new ArrayList<>(Collections.nCopies(5, lines.getFirst()));
    assertThatThrownBy(() -> sides(same, "hash", 0.2)).hasMessageContaining("hang together");
  }

  @Test
  void convertingThereAndBackChangesNothing() throws IOException {
    String openai =
        "{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"a\"},"
            + "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"1\",\"type\":"
            + "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": 1.50}\"}}]},"
            + "{\"role\":\"tool\",\"content\":\"7\",\"tool_call_id\":\"1\"},"
            + "{\"role\":\"assistant\",\"content\":\"b\",\"weight\":0}],"
            + "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
            + "\"id\":12345678901234567890,\"tags\":[1.5,null,\"é\"]}";
    DataRow first = rows(List.of(openai)).getFirst();
    String ours = RowWriter.lossless(first, DataFormat.CONVERSATIONS);
    DataRow second = rows(List.of(ours)).getFirst();
    assertThat(ours).startsWith("{\"conversations\":");
    assertThat(second.row()).isEqualTo(first.row());
    assertThat(second.fields()).isEqualTo(first.fields());
    assertThat(RowWriter.lossless(second, DataFormat.MESSAGES)).isEqualTo(openai);
    assertThat(RowHash.of(second)).isEqualTo(RowHash.of(first));
  }

  @Test
  void whatWouldBeLostIsRefused() throws IOException {
    for (String row :
        List.of(
            "{\"instruction\":\"a\",\"input\":\"b\",\"output\":\"c\"}",
            "{\"messages\":[{\"role\":\"developer\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
                + "\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}",
            "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},"
                + "{\"role\":\"assistant\",\"content\":\"b\"}]}")) {
      DataRow read = rows(List.of(row)).getFirst();
      assertThatThrownBy(() -> RowWriter.lossless(read, DataFormat.CONVERSATIONS))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("without loss");
      assertThat(RowWriter.lossy(read, DataFormat.CONVERSATIONS)).startsWith("{\"conversations\"");
    }
  }

  @Test
  void rowsAreCopiedAsTheyStand() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    String first = "{ \"prompt\":\"a\",\n  \"completion\" : \"b\" }";
    String second = "{\"prompt\":\"\\u00e9\",\"completion\":\"d\"}";
    Files.writeString(file, first + "\n\n" + second);
    List<DataRow> rows = read(file);
    assertThat(DataFiles.rowTexts(file, rows.stream().map(row -> row.row().origin()).toList()))
        .contains(List.of(first + "\n", second + "\n"));
  }

  @Test
  void theBillNamesFilesAndRows() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    Files.writeString(file, "{\"prompt\":\"a\",\"completion\":\"b\"}\n");
    BillOfMaterials bill = new BillOfMaterials();
    bill.add("train", file, DataFormat.AUTO, Map.of());
    assertThat(bill.json())
        .contains("\"train\"", "\"format\":\"prompt-completion\"", "\"line\":1")
        .contains(RowHash.of(read(file).getFirst()));
  }

  private Map<String, Boolean> sides(List<String> lines, String by, double share)
      throws IOException {
    boolean[] held = DataSplit.heldOut(rows(lines), share, SplitRule.parse(by));
    Map<String, Boolean> sides = new HashMap<>();
    for (int i = 0; i < held.length; i++) {
      sides.put(lines.get(i), held[i]);
    }
    return sides;
  }

  private List<DataRow> rows(List<String> lines) throws IOException {
    return read(Files.write(folder.resolve("data.jsonl"), lines));
  }

  private static List<DataRow> read(Path file) {
    List<DataRow> rows = new ArrayList<>();
    try (ConversationReader reader =
        ConversationReader.openUnread(file, DataFormat.AUTO, Map.of())) {
      for (DataRow row = reader.read(); row != null; row = reader.read()) {
        rows.add(row);
      }
    }
    return rows;
  }

  private List<String> lines(int count) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add(line(words(20), words(20), i));
    }
    return lines;
  }

  private static String line(String prompt, String completion, int number) {
    return "{\"prompt\":\"%s\",\"completion\":\"%s\",\"patient\":%d,\"day\":%d}"
        .formatted(prompt, completion, number % 9, number);
  }

  private String words(int count) {
    StringBuilder words = new StringBuilder("w");
    for (int i = 0; i < count; i++) {
      words.append(' ').append((char) ('a' + random.nextInt(26))).append(random.nextInt(99));
    }
    return words.toString();
  }
}
