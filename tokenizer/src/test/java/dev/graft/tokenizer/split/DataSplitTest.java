package dev.graft.tokenizer.split;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFiles;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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
            + "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":"
            + " 1.50}\"}}]},{\"role\":\"tool\",\"content\":\"7\",\"tool_call_id\":\"1\"},"
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
    long[] lines = read(file).stream().mapToLong(row -> row.row().origin().line()).toArray();
    List<ByteArrayOutputStream> copies =
        List.of(new ByteArrayOutputStream(), new ByteArrayOutputStream());
    assertThat(DataFiles.copyRows(file, lines, copies::get)).isTrue();
    assertThat(copies).extracting(Object::toString).containsExactly(first + "\n", second + "\n");
    Files.writeString(file, "[" + second + "]");
    assertThat(DataFiles.copyRows(file, new long[] {1}, copies::get)).isFalse();
  }

  @Test
  void theBillNamesFilesAndRows() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    String text =
        "{\"prompt\":\"a\",\"completion\":\"b\",\"source\":\"claude-3\"}\n\n"
            + "{\"input\":\"\",\"prompt\":\"c\",\"completion\":\"d\"}\n";
    Files.writeString(file, text);
    BillOfMaterials bill = new BillOfMaterials();
    List<BillOfMaterials.RowLine> rows =
        read(file).stream().map(row -> BillOfMaterials.RowLine.of(row.row())).toList();
    for (String part : List.of("train", "validation")) {
      String hash = sha256(text.getBytes(UTF_8));
      bill.add(part, file, hash, "prompt-completion", rows, Map.of("claude-3", 1L));
    }

    JsonNode root = JsonMapper.shared().readTree(bill.json());

    JsonNode train = root.at("/train/0");
    assertThat(train.get("file").stringValue()).isEqualTo(file.toString());
    assertThat(train.get("bytes").intValue()).isEqualTo(text.length());
    assertThat(train.get("sha256").stringValue()).isEqualTo(sha256(text.getBytes(UTF_8)));
    assertThat(train.get("format").stringValue()).isEqualTo("prompt-completion");
    assertThat(train.at("/sources/claude-3").intValue()).isEqualTo(1);
    assertThat(train.get("count").intValue()).isEqualTo(2);
    assertThat(train.at("/rows/1/line").intValue()).isEqualTo(3);
    assertThat(train.at("/rows/1/sha256").stringValue())
        .isEqualTo(RowHash.of(read(file).get(1)))
        .isNotEqualTo(train.at("/rows/0/sha256").stringValue());
    assertThat(root.at("/validation/0/rows").size()).isEqualTo(2);
    assertThat(bill.provenanceWarning().orElseThrow())
        .startsWith("1 conversation names a commercial model as its source (claude-3). ");
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aRowsHashDependsOnAllThatIsLearned() throws IOException {
    List<String> hashes = new ArrayList<>();
    for (String row :
        List.of(
            "{\"input_ids\":[1,2],\"labels\":[-100,2]}",
            "{\"input_ids\":[1,2],\"labels\":[1,2]}",
            "{\"input_ids\":[1,3],\"labels\":[-100,3]}",
            "{\"prompt\":\"ab\",\"completion\":\"c\"}",
            "{\"prompt\":\"a\",\"completion\":\"bc\"}")) {
      hashes.add(RowHash.of(rows(List.of(row)).getFirst()));
    }
    assertThat(hashes).doesNotHaveDuplicates().allMatch(hash -> hash.matches("[0-9a-f]{64}"));
  }

  @Test
  void timesOfAllKindsAreOrdered() throws IOException {
    List<String> days =
        List.of(
            "2026-01-31T23:30:00-02:00",
            "2026-01",
            "2026-01-31",
            "2026-01-31 12:00",
            "2026-02-01T00:59:59+01:00",
            "2025-12-31T23:59:59.5Z");
    List<String> lines = new ArrayList<>();
    for (String day : days) {
      lines.add(line(words(20), words(20), 0).replace("\"day\":0", "\"day\":\"" + day + "\""));
    }
    assertThat(sides(lines, "time:day", 0.34).get(lines.get(0))).isTrue();
    assertThat(sides(lines, "time:day", 0.34).get(lines.get(4))).isTrue();
    assertThat(sides(lines, "time:day", 0.84).get(lines.get(5))).isFalse();
  }

  @Test
  void theLatestThatBelongToTooManyAreRefused() throws IOException {
    List<String> lines = new ArrayList<>();
    String same = words(40);
    for (int i = 0; i < 100; i++) {
      lines.add(line(i % 2 == 1 ? same : words(40), words(9), i));
    }
    assertThatThrownBy(() -> sides(lines, "time:day", 0.1))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("near duplicates of so many earlier ones that 50 of 100 rows");
  }

  private Map<String, Boolean> sides(List<String> lines, String by, double share)
      throws IOException {
    boolean[] held = DataSplit.heldOut(rows(lines)::forEach, share, SplitRule.parse(by));
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
