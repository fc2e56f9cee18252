package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft generate --input --output}. */
class GenerateFileTest {

  private static final String BASE =
      Path.of(System.getProperty("graft.root", ".."), "configs/quickstart/model").toString();

  @TempDir Path folder;
  private Path input = Path.of("");
  private Path output = Path.of("");
  private final StringWriter err = new StringWriter();

  @BeforeEach
  void prompts() throws IOException {
    input = folder.resolve("in.jsonl");
    output = folder.resolve("out.jsonl");
    Files.writeString(
        input,
        """
        {"id": 1, "prompt": "fever"}
        {"id": 2, "messages": [{"role": "user", "content": "a cough"}], "big": 12345678901234567890}
        {"id": 3, "conversations": [{"role": "human", "content": "x"}, {"role": "assistant", "content": "y"}]}
        {"id": 4, "prompt": "62-year-old man with a sore throat"}
        {"id": 5, "prompt": ""}
        """);
  }

  private int generate(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "generate",
                "--base",
                BASE,
                "--input",
                input.toString(),
                "--output",
                output.toString(),
                "--max-tokens",
                "9",
                "--temperature",
                "0.8"));
    arguments.addAll(List.of(more));
    return GraftCommand.commandLine(new PrintWriter(new StringWriter()), new PrintWriter(err, true))
        .execute(arguments.toArray(String[]::new));
  }

  private List<JsonNode> answers() throws IOException {
    return Files.readAllLines(output).stream().map(JsonMapper.shared()::readTree).toList();
  }

  /** Everything but the time it took. */
  private List<String> texts() throws IOException {
    return answers().stream()
        .map(row ->
            row.get("id") + " " + row.at("/generation/text") + row.at("/generation/finish_reason"))
        .toList();
  }

  @Test
  void everyRowIsAnsweredInItsPlace() throws IOException {
    assertThat(generate("--batch", "2")).isZero();
    assertThat(answers())
        .extracting(row -> row.get("id").intValue())
        .containsExactly(1, 2, 3, 4, 5);
    for (JsonNode row : answers()) {
      assertThat(row.at("/generation/completion_tokens").intValue()).isBetween(0, 9);
      assertThat(row.at("/generation/prompt_tokens").intValue()).isPositive();
      assertThat(row.at("/generation/finish_reason").stringValue()).isIn("stop", "length");
    }
    assertThat(answers().get(1).get("big").toString()).isEqualTo("12345678901234567890");
    assertThat(Files.exists(folder.resolve("out.jsonl.part"))).isFalse();
  }

  @Test
  void aBrokenOffFileIsGoneOnWithAndEndsTheSame() throws IOException {
    assertThat(generate("--batch", "3")).isZero();
    List<String> whole = texts();
    List<String> lines = Files.readAllLines(output);
    Files.delete(output);
    // As a killed process leaves it: two answers and half of a third.
    Path part = folder.resolve("out.jsonl.part");
    assertThat(generate("--batch", "3", "--seed", "43")).isZero();
    assertThat(texts()).isNotEqualTo(whole);
    Files.delete(output);
    String header =
        "{\"settings\":{\"--base\":\"%s\",\"--adapter\":\"none\",\"--chat\":\"false\",\"--template\":\"auto\",\"--max-tokens\":\"9\",\"--temperature\":\"0.8\",\"--top-p\":\"1.0\",\"--seed\":\"42\",\"--set\":\"\"}}\n";
    Files.writeString(
        part,
        header.formatted(BASE)
            + lines.get(0)
            + "\n"
            + lines.get(1)
            + "\n"
            + lines.get(2).substring(0, 20));
    assertThat(generate("--batch", "1", "--seed", "43")).isEqualTo(2);
    assertThat(err.toString()).contains("out.jsonl.part was begun with --seed 42, not 43");
    assertThat(generate("--batch", "1")).isZero();
    assertThat(texts()).isEqualTo(whole);
    assertThat(Files.readAllLines(output).subList(0, 2)).isEqualTo(lines.subList(0, 2));
  }

  @Test
  void mistakesAreNamedAndWriteNothing() throws IOException {
    Files.writeString(output, "kept");
    assertThat(generate()).isEqualTo(2);
    assertThat(err.toString()).contains("out.jsonl exists already");
    assertThat(Files.readString(output)).isEqualTo("kept");
    assertThat(generate("--overwrite")).isZero();
    assertThat(answers()).hasSize(5);
    Files.writeString(input, "{\"prompt\":\"x\",\"generation\":1}\n");
    assertThat(generate("--overwrite")).isEqualTo(2);
    assertThat(err.toString()).contains("in.jsonl line 1: the row has a key \"generation\"");
    assertThat(generate("--prompt", "x")).isEqualTo(2);
    assertThat(err.toString()).contains("--prompt or --input");
    assertThat(generate("--batch", "65")).isEqualTo(2);
    assertThat(err.toString()).contains("--batch 65: has to be 1 to 64");
  }
}
