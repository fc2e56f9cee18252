package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FormatsTest {
  @TempDir Path folder;

  private static final String CALL =
      "{'id':'c1','type':'function','function':{'name':'dose','arguments':'{\"kg\":70}'}}";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'conversations':[{'role':'human','content':'Hi'},{'role':'assistant','content':'Yo'}]}"
            + " | conversations",
        "{'conversations':[{'from':'human','value':'Hi'},{'from':'gpt','value':'Yo'}]} | sharegpt",
        "{'messages':[{'role':'user','content':'Hi'},{'role':'assistant','content':'Yo'}]}"
            + " | messages",
        "{'messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]},"
            + "{'role':'assistant','content':'Yo','refusal':null,'weight':1}]} | messages",
        "{'instruction':'Hi','input':'','output':'Yo'} | instruction",
        "{'instruction':'Hi','instances':[{'input':'','output':'Yo'}]} | instruction",
        "{'prompt':'Hi','completion':'Yo'} | prompt-completion",
        "{'prompt':[{'role':'user','content':'Hi'}],"
            + "'completion':[{'role':'assistant','content':'Yo'}]} | prompt-completion",
      })
  void everyFormatSaysTheSame(String row, String format) {
    write("data.jsonl", json(row));
    try (ConversationReader reader = open("data.jsonl")) {
      assertThat(reader.format().configName()).isEqualTo(format);
      assertThat(reader.formatReason())
          .startsWith(format + ", because the first row (line 1) has ");
      assertThat(((Conversation) reader.iterator().next()).messages())
          .containsExactly(Message.human("Hi"), Message.assistant("Yo"));
    }
    assertThat(rows("data.jsonl", DataFormat.parse(format))).hasSize(1);
  }

  @Test
  void systemMessagesOfEveryFormat() {
    for (String row :
        List.of(
            "{'system':'S','messages':[{'role':'user','content':'Hi'},"
                + "{'role':'assistant','content':'Yo'}]}",
            "{'system':[{'type':'text','text':'S'}],'messages':[{'role':'user','content':'Hi'},"
                + "{'role':'assistant','content':[{'type':'text','text':'Yo'}]}]}",
            "{'messages':[{'role':'developer','content':'S'},{'role':'user','content':'Hi'},"
                + "{'role':'assistant','content':'Yo'}]}",
            "{'conversations':[{'from':'system','value':'S'},{'from':'human','value':'Hi'},"
                + "{'from':'gpt','value':'Yo'}]}",
            "{'instruction':'Hi','system':'S','output':'Yo'}",
            "{'prompt':'Hi','system':'S','completion':'Yo'}")) {
      write("data.jsonl", json(row));
      assertThat(messages("data.jsonl"))
          .containsExactly(Message.system("S"), Message.human("Hi"), Message.assistant("Yo"));
    }
  }

  @Test
  void anInputStandsBehindItsInstruction() {
    write("data.jsonl", json("{'instruction':'Sum up.','input':'A\\nB','output':'C'}"));
    assertThat(messages("data.jsonl").getFirst().content()).isEqualTo("Sum up.\n\nA\nB");
  }

  @Test
  void toolCallsOfBothVendorsAreTheSame() {
    write(
        "openai.jsonl",
        json(
            "{'messages':[{'role':'user','content':'Dose?'},"
                + "{'role':'assistant','content':null,'tool_calls':["
                + CALL.replace("'{\"kg\":70}'", "{'kg':70}")
                + "]},{'role':'tool','tool_call_id':'c1','content':'5 mg'},"
                + "{'role':'assistant','content':'5 mg.'}],"
                + "'tools':[{'type':'function','function':{'name':'dose','parameters':{}}}]}"));
    write(
        "anthropic.jsonl",
        json(
            "{'messages':[{'role':'user','content':'Dose?'},{'role':'assistant','content':["
                + "{'type':'tool_use','id':'c1','name':'dose','input':{'kg':70}}]},"
                + "{'role':'user','content':[{'type':'tool_result','tool_use_id':'c1',"
                + "'content':[{'type':'text','text':'5 mg'}]}]},"
                + "{'role':'assistant','content':[{'type':'text','text':'5 mg.'}]}],"
                + "'tools':[{'name':'dose','input_schema':{}}]}"));
    Conversation openai = (Conversation) rows("openai.jsonl", DataFormat.AUTO).getFirst();
    Conversation anthropic = (Conversation) rows("anthropic.jsonl", DataFormat.AUTO).getFirst();

    assertThat(anthropic.messages()).isEqualTo(openai.messages());
    assertThat(anthropic.tools()).isEqualTo(openai.tools());
    assertThat(openai.messages().get(1).callsTools()).isTrue();
    assertThat(openai.messages().get(2).role()).isEqualTo(Role.TOOL);
    assertThat(openai.exchanges()).isEqualTo(1);
  }

  @Test
  void messagesThatAreNotLearned() {
    write(
        "data.jsonl",
        json(
            "{'conversations':[{'role':'human','content':'a'},"
                + "{'role':'assistant','content':'b','train':false},"
                + "{'role':'human','content':'c','weight':0},"
                + "{'role':'assistant','content':'d','weight':1}]}"));
    assertThat(messages("data.jsonl"))
        .extracting(Message::learned)
        .containsExactly(true, false, true, true);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'messages':[{'role':'human','content':'x'}]} | unknown role \"human\"",
        "{'system':'x','messages':[{'role':'system','content':'x'}]} | own key \"system\"",
        "{'messages':[{'role':'user','content':[{'type':'image_url'}]}]} | type \"image_url\"",
        "{'messages':[{'role':'user','content':'x'},{'role':'assistant','content':'y',"
            + "'function_call':{}}]} | unknown key \"function_call\"",
        "{'messages':[{'role':'user','content':'x'},{'role':'assistant','weight':2,"
            + "'content':'y'}]} | \"weight\" must be 0 or 1",
        "{'messages':[{'role':'user','content':'x'},{'role':'assistant','train':1,"
            + "'content':'y'}]} | \"train\" must be true or false",
        "{'messages':[{'role':'user','content':'x'},{'role':'assistant','tool_calls':[{}]}]} |"
            + " a tool call must look like",
        "{'messages':[{'role':'user','content':'x'},{'role':'assistant','tool_calls':["
            + "{'function':{'name':'f','arguments':'{oops'}}]}]} | are no JSON object",
        "{'messages':[{'role':'user','content':'x'},{'role':'tool','content':'y'}]} |"
            + " no assistant message",
        "{'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'1'},"
            + "{'type':'text','text':'x'}]}]} | holds tool results and text",
        "{'conversations':[{'from':'human','value':'x'},{'from':'bot','value':'x'}]} |"
            + " unknown role \"bot\"",
        "{'instruction':'x'} | \"instruction\" without \"output\"",
        "{'instruction':'x','output':7} | \"output\" must be a string, not a number",
        "{'instruction':'x','output':'y','history':[['a','b']]} | \"history\" is not read",
        "{'instruction':'x','instances':[]} | 0 \"instances\"",
        "{'prompt':'x','completion':' '} | is empty",
        "{'prompt':'x'} | data.columns can rename",
        "{'prompt':'x','completion':'\\ud83e'} | half a character",
      })
  void whatIsWrongIsNamed(String row, String message) {
    write("data.jsonl", json(row));
    assertThatThrownBy(() -> rows("data.jsonl", DataFormat.AUTO))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(folder.resolve("data.jsonl") + " line 1: ")
        .hasMessageContaining(message);
  }

  @Test
  void listsAndPackedFilesReadLikeLines() throws IOException {
    String row = json("{'prompt':'Hi','completion':'Yo'}");
    write("list.json", "[\n" + row + ",\n" + row + "\n]\n");
    write("lines.jsonl", row + "\n" + row);
    for (String name : List.of("list.json", "lines.jsonl")) {
      byte[] bytes = Files.readAllBytes(folder.resolve(name));
      try (OutputStream out =
          new GZIPOutputStream(Files.newOutputStream(folder.resolve(name + ".gz")))) {
        out.write(bytes);
      }
      try (OutputStream out =
          new ZstdOutputStream(Files.newOutputStream(folder.resolve(name + ".zst")))) {
        out.write(bytes);
      }
      for (String packed : List.of(name, name + ".gz", name + ".zst")) {
        List<Row> rows = rows(packed, DataFormat.AUTO);
        assertThat(rows).hasSize(2);
        assertThat(rows.get(1).origin().line()).isEqualTo(name.equals("list.json") ? 3 : 2);
      }
    }
    write("more.json", "[" + row + "] " + row);
    assertThatThrownBy(() -> rows("more.json", DataFormat.AUTO))
        .hasMessageContaining("something stands behind the list");
  }

  @Test
  void tablesWithQuotesLineBreaksAndRenamedColumns() {
    write("table.csv", "id,Question,Answer\n1,\"What, exactly?\",\"a \"\"b\"\"\nc\"\n2,Grüße,ok\n");
    Map<String, String> columns = Map.of("prompt", "Question", "completion", "Answer");
    try (ConversationReader reader =
        ConversationReader.open(folder.resolve("table.csv"), DataFormat.AUTO, columns)) {
      List<Row> rows = new ArrayList<>();
      reader.forEach(rows::add);
      assertThat(((Conversation) rows.get(0)).messages())
          .containsExactly(Message.human("What, exactly?"), Message.assistant("a \"b\"\nc"));
      assertThat(rows).extracting(row -> row.origin().line()).containsExactly(2L, 4L);
      assertThat(reader.ignoredKeys()).containsEntry("id", 2L);
    }
    write("table.tsv", "prompt\tcompletion\nx\ty, z\n");
    assertThat(messages("table.tsv").getLast().content()).isEqualTo("y, z");
    write("short.csv", "prompt,completion\nx\n");
    assertThatThrownBy(() -> rows("short.csv", DataFormat.AUTO))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("short.csv line 2: not a row with the columns");
    assertThatThrownBy(() ->
            ConversationReader.open(
                folder.resolve("table.tsv"), DataFormat.AUTO, Map.of("prompt", "Q")))
        .hasMessageContaining("there is no \"Q\", which data.columns names");
  }

  @Test
  void readingGoesOnBehindWrongRows() {
    String good = json("{'prompt':'Hi','completion':'Yo'}");
    write("data.jsonl", good + "\n{oops\n" + good + "\n{}\n7\n" + good + "\n{\"a\": [1,\n" + good);
    List<Long> good1 = new ArrayList<>();
    List<Long> wrong = new ArrayList<>();
    try (ConversationReader reader =
        ConversationReader.openUnread(folder.resolve("data.jsonl"), DataFormat.AUTO, Map.of())) {
      while (true) {
        try {
          DataRow row = reader.read();
          if (row == null) {
            break;
          }
          good1.add(row.row().origin().line());
        } catch (DataException e) {
          wrong.add(e.origin().line());
          if (!reader.skipWrongRow()) {
            break;
          }
        }
      }
    }
    assertThat(good1).containsExactly(1L, 3L, 6L, 8L);
    assertThat(wrong).containsExactly(2L, 4L, 5L, 7L);
  }

  @Test
  void realSelfInstructTasks() {
    Path data = Checkpoints.conformance().resolve("data/instruct/self_instruct_seed_tasks.jsonl");
    try (ConversationReader reader = ConversationReader.open(data, DataFormat.AUTO)) {
      assertThat(reader.format()).isEqualTo(DataFormat.INSTRUCTION);
      assertThat(reader).hasSize(175);
    }
  }

  private List<Message> messages(String name) {
    return ((Conversation) rows(name, DataFormat.AUTO).getFirst()).messages();
  }

  private ConversationReader open(String name) {
    return ConversationReader.open(folder.resolve(name), DataFormat.AUTO);
  }

  private List<Row> rows(String name, DataFormat format) {
    List<Row> rows = new ArrayList<>();
    try (ConversationReader reader = ConversationReader.open(folder.resolve(name), format)) {
      reader.forEach(rows::add);
    }
    return rows;
  }

  private static String json(String quoted) {
    // Single quotes for double ones, and what was double stands inside a string.
    return quoted.replace("\"", "\\\"").replace('\'', '"');
  }

  private void write(String name, String text) {
    try {
      Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void bytesThatAreNotWhatTheNameSays() throws IOException {
    for (String name : List.of("a.parquet", "a.jsonl.gz", "a.jsonl.zst")) {
      Path file = folder.resolve(name);
      Files.write(file, new byte[] {(byte) 0x95, 3, (byte) 0xF3, 7, 7});
      assertThatThrownBy(() -> ConversationReader.open(file, DataFormat.AUTO))
          .isInstanceOf(DataException.class)
          .hasMessageContaining(name + " is not what its name says");
    }
  }
}
