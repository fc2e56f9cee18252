package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.console.Console;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CheckCommandTest {

  private static final Path BASE =
      Path.of(System.getProperty("graft.root", "..")).resolve("configs/quickstart/model");

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Random random = new Random(17);

  private int check(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    List<String> all = new ArrayList<>(List.of("check"));
    all.addAll(Arrays.asList(arguments));
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(all.toArray(String[]::new));
  }

  private String words(int count) {
    StringBuilder words = new StringBuilder("So");
    for (int i = 0; i < count; i++) {
      words.append(' ');
      for (int j = 0; j < 4; j++) {
        words.append((char) ('a' + random.nextInt(26)));
      }
    }
    return words.toString();
  }

  private static String row(String human, String assistant) {
    return "{\"conversations\":[{\"role\":\"human\",\"content\":\"%s\"},{\"role\":\"assistant\",\"content\":\"%s\"}]}"
        .formatted(human, assistant);
  }

  private List<String> cleanRows() {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      rows.add(row(words(20), words(12) + "."));
    }
    return rows;
  }

  private String file(String name, List<String> rows) throws IOException {
    return Files.write(folder.resolve(name), rows).toString();
  }

  @Test
  void theExitCodeTellsWhatWasFound() throws IOException {
    List<String> rows = cleanRows();
    String clean = file("clean.jsonl", rows);
    assertThat(check(clean, "--strict")).isZero();
    assertThat(out.toString()).contains("clean: nothing found", "conversations        100");

    rows.add(rows.get(7));
    String copied = file("copied.jsonl", rows);
    assertThat(check(copied)).isZero();
    assertThat(out.toString())
        .contains("warning: 1 conversation the same as one before [exact-duplicates]")
        .contains("copied.jsonl line 101: same as " + copied + " line 8")
        .contains("0 kinds of errors, 1 kind of warning");
    assertThat(check(copied, "--strict")).isEqualTo(1);

    rows.add(row("Why?", "  "));
    rows.add("{\"conversations\":[{\"role\":\"humn\",\"content\":\"a\"}]}");
    assertThat(check(file("wrong.jsonl", rows))).isEqualTo(2);
    assertThat(out.toString())
        .contains("error: 2 rows that cannot be used [wrong-rows]")
        .contains("wrong.jsonl line 102: message 2 (assistant) is empty", "Write the answer")
        .contains(
            "wrong.jsonl line 103: message 1: unknown role \"humn\"; did you mean \"human\"?");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void jsonIsForPrograms() throws IOException {
    List<String> rows = cleanRows();
    rows.add(
        rows.get(7)
            .replace("conversations\":", "conversations\":")
            .replaceFirst("\\{", "{\"source\":\"GPT-4o\","));
    String file = file("data.jsonl", rows);

    assertThat(check(file, "--base", BASE.toString(), "--json", "--show", "2", "--strict"))
        .isEqualTo(1);

    JsonNode root = JsonMapper.shared().readTree(out.toString());
    assertThat(root.get("findings").valueStream().map(it -> it.get("code").stringValue()))
        .containsExactlyInAnyOrder("exact-duplicates", "source");
    JsonNode copy = root.at("/findings/0");
    assertThat(copy.get("severity").stringValue()).isEqualTo("warning");
    assertThat(copy.get("count").intValue()).isEqualTo(1);
    assertThat(copy.at("/places/0/line").intValue()).isEqualTo(101);
    assertThat(copy.at("/places/0/file").stringValue()).isEqualTo(file);

    JsonNode numbers = root.get("statistics");
    long tokens = numbers.get("tokens").longValue();
    long byRole = numbers.get("tokens_by_role").valueStream().mapToLong(JsonNode::longValue).sum();
    assertThat(byRole).isEqualTo(tokens);
    assertThat(numbers.get("target_tokens").longValue()).isBetween(tokens / 4, tokens / 2);
    assertThat(numbers.at("/length_histogram").valueStream().mapToInt(JsonNode::intValue).sum())
        .isEqualTo(101);
    assertThat(numbers.get("packing_efficiency").doubleValue()).isBetween(0.5, 1.0);
    assertThat(numbers.get("steps_per_epoch").intValue()).isEqualTo(13);
    assertThat(numbers.get("seconds_per_epoch").doubleValue()).isPositive();
    assertThat(numbers.at("/sources/GPT-4o").intValue()).isEqualTo(1);

    assertThat(root.at("/rows").size()).isEqualTo(2);
    JsonNode shown = root.at("/rows/0/tokens");
    assertThat(shown.valueStream().anyMatch(it -> it.get("learned").booleanValue())).isTrue();
    assertThat(shown.valueStream().anyMatch(it -> !it.get("learned").booleanValue())).isTrue();
  }

  @Test
  void rowsAreShownInMarksWhereThereIsNoTerminal() throws IOException {
    String file = file("data.jsonl", List.of("{oops", row("Who \\u001b[31m is it?", "It is me.")));
    assertThat(check(file, "--base", BASE.toString(), "--show", "1")).isEqualTo(2);
    assertThat(out.toString()).contains("chat format: ", "⟦It is me.").doesNotContain("\033");
    assertThat(check(file, "--show", "1")).isEqualTo(2);
    assertThat(err.toString()).contains("--show: needs --base");
  }

  @Test
  void coloursAreForTerminals() {
    assertThat(Console.showsColours(true, Map.of("TERM", "xterm"))).isTrue();
    assertThat(Console.showsColours(true, Map.of("NO_COLOR", ""))).isTrue();
    assertThat(Console.showsColours(true, Map.of("NO_COLOR", "1"))).isFalse();
    assertThat(Console.showsColours(true, Map.of("TERM", "dumb"))).isFalse();
    assertThat(Console.showsColours(false, Map.of())).isFalse();
  }

  @Test
  void thePageNeedsNothingElseAndTrustsNobody() throws IOException {
    List<String> rows = cleanRows();
    rows.set(0, row("<script>alert(1)</script> & more", "<b>It is me.</b>"));
    rows.add(rows.get(1));
    Path page = folder.resolve("new/page.html");
    String file = file("data.jsonl", rows);

    assertThat(check(file, "--base", BASE.toString(), "--html", page.toString())).isZero();

    String html = Files.readString(page);
    assertThat(html)
        .startsWith("<!doctype html>")
        .endsWith("</body></html>\n")
        .contains("exact-duplicates", "line 101", "class=\"l\"", "prefers-color-scheme")
        .doesNotContain("<script", "<b>It", "http", "src=");
    assertThat(html.split("<pre>", -1)).hasSize(4);

    assertThat(check(file, "--html", page.toString())).isZero();
    assertThat(page).content().contains("exact-duplicates").doesNotContain("<pre>");
  }

  @Test
  void tooLongForTheBase() throws IOException {
    List<String> rows = cleanRows();
    rows.add(row(words(300), words(12) + "."));
    assertThat(check(file("d.jsonl", rows), "--base", BASE.toString(), "--max-length", "700"))
        .isEqualTo(2);
    assertThat(out.toString())
        .contains("error: 1 row longer than the 700 tokens that are allowed [too-long]")
        .contains("d.jsonl line 101: ");
  }

  @Test
  void filesThatAreNoData() throws IOException {
    byte[] good = (row("Who is it?", "It is me.") + "\n").getBytes(StandardCharsets.UTF_8);
    refused("empty.jsonl", new byte[0], "the file is empty");
    refused("blank.jsonl", "\n \n".getBytes(StandardCharsets.UTF_8), "the file is empty");
    refused(
        "utf16.jsonl",
        new String(good, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_16),
        "UTF-16; save it as UTF-8");
    refused("table.jsonl", "prompt,completion\na,b\n".getBytes(StandardCharsets.UTF_8), "line 1");
    refused("json.csv", good, "is JSON, not a table");
    refused(
        "utf16le.jsonl",
        new String(good, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_16LE),
        "UTF-16; save it as UTF-8");
    byte[] binary = new byte[5000];
    random.nextBytes(binary);
    binary[0] = 'x';
    refused("binary.jsonl", binary, "line 1");
    refused("zip.jsonl", new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0}, "a zip archive");
    byte[] packed = gzip(String.join("\n", cleanRows()).getBytes(StandardCharsets.UTF_8));
    refused("cut.jsonl.gz", Arrays.copyOf(packed, packed.length / 2), "the archive is cut off");
    refused("head.jsonl.gz", Arrays.copyOf(packed, 5), "cut off");
    assertThat(check(folder.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("is a folder. Name the data file inside it.");
    assertThat(check(folder.resolve("nowhere.jsonl").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("does not exist");
  }

  private void refused(String name, byte[] bytes, String because) throws IOException {
    Path file = Files.write(folder.resolve(name), bytes);
    assertThat(check(file.toString())).as(name).isEqualTo(2);
    assertThat(out.toString() + err)
        .as(name)
        .contains(because, name)
        .doesNotContain("\tat ", "internal error", "Exception");
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
      gzip.write(bytes);
    }
    return packed.toByteArray();
  }

  @Test
  void marksAndLineBreaksOfOtherSystemsAreFine() throws IOException {
    String text = "\uFEFF" + String.join("\r\n", cleanRows()) + "\r\n";
    Path file = Files.writeString(folder.resolve("windows.jsonl"), text);
    assertThat(check(file.toString(), "--strict")).isZero();
    Path packed = folder.resolve("windows.jsonl.gz");
    Files.write(packed, gzip(text.getBytes(StandardCharsets.UTF_8)));
    assertThat(check(packed.toString(), "--strict")).isZero();
  }

  @Test
  void progressIsALineThatGoesAwayOrOneNowAndThen() {
    long[] now = {0};
    try (CheckProgress live = new CheckProgress(new PrintWriter(err), true, () -> now[0])) {
      live.accept(10);
      now[0] = 500_000_000L;
      live.accept(1000);
    }
    assertThat(err.toString()).isEqualTo("\rchecking: 1,000 rows, 2,000 a second\033[K\r\033[K");
    err.getBuffer().setLength(0);
    try (CheckProgress log = new CheckProgress(new PrintWriter(err), false, () -> now[0])) {
      now[0] += 500_000_000L;
      log.accept(1000);
      now[0] += 10_000_000_000L;
      log.accept(21_000);
    }
    assertThat(err.toString().strip()).isEqualTo("checking: 21,000 rows, 2,000 a second");
  }
}
