package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft tokenize} and {@code graft convert}, as a user calls them. */
class DataCommandsTest {

  private static final Path ROOT = Path.of(System.getProperty("graft.root", ".."));
  private static final String BASE = ROOT.resolve("configs/quickstart/model").toString();

  private static final List<String> ROWS =
      List.of(
          """
          {"conversations":[{"role":"system","content":"Be brief."},\
          {"role":"human","content":"Hi 🦙"},{"role":"assistant","content":"Yo","train":false},\
          {"role":"human","content":"Bye"},{"role":"assistant","content":"See \\"you\\"\\n."}],\
          "id":7,"source":"ward","tags":["a",null,1.5]}\
          """,
          """
          {"conversations":[{"role":"human","content":"Dose?"},\
          {"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function",\
          "function":{"name":"dose","arguments":"{\\"kg\\": 70}"}}]},\
          {"role":"tool","content":"5 mg","tool_call_id":"c1"},\
          {"role":"assistant","content":"5 mg.","reasoning_content":"because"}],\
          "tools":[{"type":"function","function":{"name":"dose"}}]}\
          """);

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int graft(String... arguments) {
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(arguments);
  }

  @Test
  void tokenizePrintsLinesThatCanBeTrainedOn() throws IOException {
    Path data = write("data.jsonl", ROWS.getFirst());
    assertThat(graft("tokenize", "--base", BASE, "--input", data.toString(), "--json")).isZero();
    JsonNode line = JsonMapper.shared().readTree(out.toString());
    assertThat(line.propertyNames()).containsExactly("input_ids", "labels", "text");
    assertThat(line.get("labels")).hasSameSizeAs(line.get("input_ids"));
    assertThat(line.get("text").stringValue()).contains("Be brief.", "Hi 🦙", "See \"you\"\n.");
    int learned = 0;
    for (int i = 0; i < line.get("labels").size(); i++) {
      int label = line.get("labels").get(i).intValue();
      assertThat(label).isIn(-100, line.get("input_ids").get(i).intValue());
      learned += label == -100 ? 0 : 1;
    }
    assertThat(learned).isPositive().isLessThan(line.get("labels").size() / 2);

    String first = out.toString();
    Path again = write("tokens.jsonl", first.strip());
    out.getBuffer().setLength(0);
    assertThat(graft("tokenize", "--base", BASE, "--input", again.toString(), "--json")).isZero();
    assertThat(out.toString()).isEqualTo(first);
  }

  @Test
  void whatIsConvertedThereAndBackIsTheSame() throws IOException {
    Path data = write("data.jsonl", String.join("\n", ROWS));
    Path messages = folder.resolve("new/messages.jsonl");
    Path back = folder.resolve("back.jsonl");
    assertThat(graft("convert", data.toString(), "--to", "messages", messages.toString())).isZero();
    assertThat(out.toString()).contains("2 rows: ");
    assertThat(Files.readString(messages))
        .contains("\"messages\":[", "\"role\":\"user\"", "\"weight\":0")
        .doesNotContain("human");
    assertThat(graft("convert", messages.toString(), "--to", "conversations", back.toString()))
        .isZero();
    List<String> lines = Files.readAllLines(back);
    for (int i = 0; i < 2; i++) {
      assertThat(JsonMapper.shared().readTree(lines.get(i)))
          .isEqualTo(JsonMapper.shared().readTree(ROWS.get(i)));
    }
  }

  @Test
  void whatWouldLoseSomethingIsRefused() throws IOException {
    Path data =
        write("data.jsonl", "{\"instruction\":\"Sum up.\",\"input\":\"A\",\"output\":\"B\"}");
    Path to = folder.resolve("out.jsonl");
    assertThat(graft("convert", data.toString(), "--to", "messages", to.toString())).isEqualTo(2);
    assertThat(err.toString())
        .contains("data.jsonl line 1")
        .contains("cannot be converted without loss: instruction and input are joined")
        .contains("--allow-loss");
    assertThat(to).doesNotExist();
    assertThat(graft("convert", data.toString(), "--to", "messages", to.toString(), "--allow-loss"))
        .isZero();
    assertThat(Files.readString(to)).contains("Sum up.\\n\\nA");
  }

  @Test
  void mistakesAreNamedAndNothingIsWritten() throws IOException {
    Path to = folder.resolve("out.jsonl");
    Path good = write("good.jsonl", ROWS.getFirst());
    Path broken = write("broken.jsonl", ROWS.getFirst() + "\n{\"conversations\":[}");
    Path tokens = write("tokens.jsonl", "{\"input_ids\":[1,2],\"labels\":[-100,2]}");
    Path empty = write("empty.jsonl", "");
    assertMistake(
        "data.jsonl does not exist", "convert", "data.jsonl", "--to", "messages", "" + to);
    assertMistake("broken.jsonl line 2", "convert", "" + broken, "--to", "messages", "" + to);
    assertMistake("cannot be turned back", "convert", "" + tokens, "--to", "messages", "" + to);
    assertMistake("holds no rows", "convert", "" + empty, "--to", "messages", "" + to);
    assertMistake("conversations or messages", "convert", "" + good, "--to", "anthropic", "" + to);
    assertMistake("is there already", "convert", "" + good, "--to", "messages", "" + good);
    assertMistake("tokenizer.json", "tokenize", "--base", "" + folder, "--input", "" + good);
    assertMistake(
        "nor a file",
        "tokenize",
        "--base",
        BASE,
        "--template",
        "chatlm.jinja",
        "--input",
        "" + good);
    assertThat(to).doesNotExist();
  }

  private void assertMistake(String message, String... arguments) {
    err.getBuffer().setLength(0);
    assertThat(graft(arguments)).isEqualTo(2);
    assertThat(err.toString()).startsWith("error: ").contains(message);
  }

  private Path write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, text + "\n");
    return file;
  }
}
