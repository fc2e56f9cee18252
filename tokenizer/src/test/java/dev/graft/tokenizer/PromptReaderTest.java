package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PromptReaderTest {

  @TempDir Path folder;

  private List<PromptRow> read(String text) {
    Path file = folder.resolve("prompts.jsonl");
    Checkpoints.write(file, text);
    return PromptReader.read(file);
  }

  @Test
  void textsKeepTheirOtherKeys() {
    List<PromptRow> rows =
        read(
            """
            {"id": 7, "prompt": "Once upon", "tags": ["a", null]}

            {"prompt": ""}
            """);
    assertThat(rows)
        .extracting(PromptRow::prompt)
        .containsExactly(new PromptRow.Prompt.Text("Once upon"), new PromptRow.Prompt.Text(""));
    assertThat(rows.getFirst().fields().keySet()).containsExactly("id", "prompt", "tags");
    assertThat(rows.getLast().origin().line()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'messages':[{'role':'system','content':'s'},{'role':'user','content':'h'}]}",
        "{'conversations':[{'role':'system','content':'s'},{'role':'human','content':'h'},"
            + "{'role':'assistant','content':'a'}]}",
        "{'conversations':[{'from':'system','value':'s'},{'from':'human','value':'h'},"
            + "{'from':'gpt','value':'a'}]}",
        "{'system':'s','messages':[{'role':'user','content':[{'type':'text','text':'h'}]}]}"
      })
  void conversationsEndWithTheLastHumanMessage(String row) {
    assertThat(read(row.replace('\'', '"')).getFirst().prompt())
        .isEqualTo(new PromptRow.Prompt.Messages(List.of(Message.system("s"), Message.human("h"))));
  }

  @Test
  void aTrainingRowIsAPromptWithoutItsAnswer() {
    PromptRow row =
        read("{\"instruction\":\"Add.\",\"input\":\"1 2\",\"output\":\"3\"}").getFirst();
    assertThat(row.prompt()).isInstanceOf(PromptRow.Prompt.Messages.class);
    List<Message> messages = ((PromptRow.Prompt.Messages) row.prompt()).messages();
    assertThat(messages.getLast().role()).isEqualTo(Role.HUMAN);
    assertThat(messages.getLast().content()).contains("Add.").contains("1 2");
  }

  @Test
  void whatIsNoPromptIsNamed() {
    assertFails("{\"promt\":\"x\"}", "line 1: the row is no prompt");
    assertFails("{\"prompt\":\"x\"}\n{\"messages\":[]}", "line 2");
    assertFails(
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}", "has no human message");
    assertFails(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]}",
        "take turns");
    assertFails("", "empty");
    assertThatThrownBy(() -> PromptReader.read(folder.resolve("missing.jsonl")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("does not exist");
  }

  private void assertFails(String text, String message) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message);
  }
}
