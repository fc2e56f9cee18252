package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class SplitCommandTest {

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Random random = new Random(23);

  private int graft(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(arguments);
  }

  private String words(int count) {
    StringBuilder words = new StringBuilder("So");
    for (int i = 0; i < count; i++) {
      words.append(' ').append(Integer.toString(random.nextInt(36 * 36 * 36), 36));
    }
    return words.toString();
  }

  private static String row(String prompt, String completion) {
    return "{\"prompt\":\"%s\",\"completion\":\"%s\"}".formatted(prompt, completion);
  }

  @Test
  void bytesAreNotTouched() throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      rows.add(
          switch (i % 4) {
            case 0 -> row(words(9), "\\u00e9\\/ " + words(5)) + "\n";
            case 1 -> "  { \"prompt\" : \"%s\" ,\"completion\":\"ü\"}  \r\n".formatted(words(9));
            case 2 -> "{\"prompt\":\"%s\",\n\n  \"completion\":\"b\"}\n".formatted(words(9));
            default -> row(words(9), words(3)) + "\n";
          });
    }
    Path file = folder.resolve("all.v2.jsonl");
    String text = "\uFEFF" + String.join("", rows).replace("\r\n", "\r\n\r\n");
    Files.writeString(file, text.substring(0, text.length() - 1));

    assertThat(graft("split", file.toString(), "--validation", "0.25")).isZero();

    String train = Files.readString(folder.resolve("all.v2.train.jsonl"));
    String held = Files.readString(folder.resolve("all.v2.validation.jsonl"));
    int rowsHeld = 0;
    StringBuilder expected = new StringBuilder();
    StringBuilder expectedHeld = new StringBuilder();
    for (String row : rows) {
      boolean isHeld = held.contains(row);
      assertThat(train.contains(row)).isNotEqualTo(isHeld);
      (isHeld ? expectedHeld : expected).append(row);
      rowsHeld += isHeld ? 1 : 0;
    }
    assertThat(train).isEqualTo(expected.toString());
    assertThat(held).isEqualTo(expectedHeld.toString());
    assertThat(rowsHeld).isEqualTo(10);
    assertThat(out.toString()).contains("30 rows to train on", "10 rows held out");
  }

  @Test
  void theSidesPassTheCheck() throws IOException {
    String form = words(60);
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      String text = words(40);
      rows.add(row(form + " " + text, words(10) + "."));
      for (int copy = i % 4; copy > 0; copy--) {
        String changed = text.replaceFirst(" \\w+", " changed" + copy);
        rows.add(
            switch (random.nextInt(3)) {
              case 0 -> row(form + " " + text, "Or rather " + words(12) + ".");
              case 1 -> rows.getLast();
              default -> row(form + " " + changed, rows.getLast().replaceAll(".*:\"|\"}", ""));
            });
      }
    }
    Collections.shuffle(rows, random);
    Path file = Files.write(folder.resolve("d.jsonl"), rows);
    assertThat(graft("split", file.toString(), "--validation", "0.2")).isZero();
    String train = folder.resolve("d.train.jsonl").toString();
    String held = folder.resolve("d.validation.jsonl").toString();
    assertThat(Files.readAllLines(Path.of(held))).hasSizeBetween(26, 32);

    assertThat(graft("check", train, "--validation", held, "--json")).isZero();
    JsonNode report = JsonMapper.shared().readTree(out.toString());
    assertThat(report.get("findings").valueStream().map(it -> it.get("code").stringValue()))
        .contains("near-duplicates", "conflicting-answers")
        .doesNotContain("leakage", "near-leakage", "prompt-leakage");
  }

  @Test
  void theSameRowsInAnyOrderGoToTheSameSides() throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      rows.add(row(words(12), words(8)));
    }
    List<List<String>> held = new ArrayList<>();
    for (int attempt = 0; attempt < 2; attempt++) {
      Path file = Files.write(folder.resolve("d" + attempt + ".jsonl"), rows);
      assertThat(graft("split", file.toString(), "--validation", "0.1")).isZero();
      List<String> lines = Files.readAllLines(folder.resolve("d" + attempt + ".validation.jsonl"));
      Collections.sort(lines);
      held.add(lines);
      Collections.shuffle(rows, random);
    }
    assertThat(held.get(0)).hasSize(5).isEqualTo(held.get(1));
  }

  @Test
  void tablesAndListsBecomeLines() throws IOException {
    StringBuilder csv = new StringBuilder("id,Frage,Antwort\r\n");
    StringBuilder list = new StringBuilder("[");
    for (int i = 0; i < 20; i++) {
      csv.append(i).append(",\"").append(words(9)).append("\",\"a\nb\"\r\n");
      list.append(i == 0 ? "" : ",").append(row(words(9), words(9)));
    }
    Path table = Files.writeString(folder.resolve("t.csv"), csv);
    Path array = Files.writeString(folder.resolve("l.json"), list.append("]"));
    assertThat(
            graft(
                "split",
                table.toString(),
                "--validation",
                "0.2",
                "--by",
                "time:id",
                "--column",
                "prompt=Frage",
                "--column",
                "completion=Antwort"))
        .isZero();
    assertThat(Files.readAllLines(folder.resolve("t.validation.jsonl")))
        .hasSize(4)
        .allMatch(line -> line.matches("\\{\"conversations\".*a\\\\nb.*\"id\":\"1[6-9]\"}"));
    assertThat(graft("split", array.toString(), "--validation", "0.2")).isZero();
    assertThat(Files.readAllLines(folder.resolve("l.train.jsonl"))).hasSize(16);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0.1 | group:ward | has no \"ward\", which --by names",
        "0.1 | time:when | not a date like 2026-01-31",
        "0.1 | chance | one of hash, group:FIELD, time:FIELD",
        "1.5 | hash | is not between 0 and 1",
        "0.5 | group:same | hang together",
      })
  void whatItCannotDoIsRefusedAndNothingWritten(String share, String by, String because)
      throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      rows.add(
          row(words(9), words(9))
              .replace(
                  "{", "{\"when\":\"" + (i < 5 ? "2026-01-3" + i % 2 : "soon") + "\",\"same\":1,"));
    }
    Path file = Files.write(folder.resolve("d.jsonl"), rows, StandardCharsets.UTF_8);
    assertThat(graft("split", file.toString(), "--validation", share, "--by", by)).isEqualTo(2);
    assertThat(err.toString()).startsWith("error: ").contains(because).doesNotContain("\tat ");
    assertThat(folder.toFile().list()).containsExactly("d.jsonl");
  }

  @Test
  void whatIsThereStays() throws IOException {
    Path file = Files.write(folder.resolve("d.jsonl"), List.of(row("a b", "c"), row("d e", "f")));
    Path old = Files.writeString(folder.resolve("d.train.jsonl"), "old");
    String[] command = {"split", file.toString(), "--validation", "0.5"};
    assertThat(graft(command)).isEqualTo(2);
    assertThat(err.toString()).contains("is there already", "--overwrite");
    assertThat(old).content().isEqualTo("old");
    String[] again = Arrays.copyOf(command, 5);
    again[4] = "--overwrite";
    assertThat(graft(again)).isZero();
    assertThat(old).content().startsWith("{\"prompt\"");
    Path one = Files.write(folder.resolve("one.jsonl"), List.of(row("a", "b")));
    assertThat(graft("split", one.toString(), "--validation", "0.5")).isEqualTo(2);
    assertThat(err.toString()).contains("holds one row, too few to divide");
  }
}
