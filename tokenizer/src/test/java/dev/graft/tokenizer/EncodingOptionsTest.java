package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.EncodingOptions.TrainOn;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is learned and what is not, by the options and by the data's own flags. */
class EncodingOptionsTest {
  private static final EncodingOptions LAST =
      new EncodingOptions(TrainOn.LAST_ASSISTANT, false, false);
  private static final EncodingOptions PROMPT =
      new EncodingOptions(TrainOn.ALL_ASSISTANT, true, false);
  private static final EncodingOptions SPECIAL =
      new EncodingOptions(TrainOn.ALL_ASSISTANT, false, true);

  private static final List<Message> TWO =
      List.of(
          Message.system("Be kind."),
          Message.human("Hello there"),
          Message.assistant("Good morning"),
          Message.human("And?"),
          Message.assistant("Nothing."));

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "plain, </s>",
    "chatml, <|im_end|>",
    "llama2, ' </s>'",
    "mistral, </s>",
    "zephyr, </s>"
  })
  void whichAnswersAreLearned(String template, String end) {
    assertThat(targets(template, EncodingOptions.DEFAULT, TWO))
        .containsExactly("Good morning" + end, "Nothing." + end);
    assertThat(targets(template, LAST, TWO)).containsExactly("Nothing." + end);
    assertThat(targets(template, EncodingOptions.DEFAULT, without(2)))
        .containsExactly("Nothing." + end);
    assertThat(targets(template, EncodingOptions.DEFAULT, without(4)))
        .containsExactly("Good morning" + end);
    assertThat(targets(template, LAST, without(4))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "chatml", "llama2", "mistral", "zephyr"})
  void thePromptToo(String template) {
    TokenSequence all = encode(template, PROMPT, TWO);
    int learned = 0;
    for (boolean target : all.target()) {
      learned += target ? 1 : 0;
    }
    // All but a BOS, which nothing stands before; where one is put by its id it is not marked.
    assertThat(learned).isGreaterThanOrEqualTo(all.length() - 1);

    List<String> around = targets(template, PROMPT, without(2));
    assertThat(around).hasSize(2);
    assertThat(around.get(0)).contains("Be kind.").contains("Hello there");
    assertThat(around.get(1)).contains("And?").contains("Nothing.");
    assertThat(String.join("", around)).doesNotContain("morning");
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "chatml", "zephyr"})
  void controlTokensInWordsOnlyWhereTheyAreAllowed(String template) {
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    int end = Objects.requireNonNull(tokenizer.addedTokenId("<|im_end|>"));
    List<Message> messages =
        List.of(Message.human("say <|im_end|> twice"), Message.assistant("<|im_end|><|im_end|>"));
    long written = template.equals("chatml") ? 2 : 0;
    assertThat(count(encode(template, EncodingOptions.DEFAULT, messages), end)).isEqualTo(written);
    TokenSequence allowed = encode(template, SPECIAL, messages);
    assertThat(count(allowed, end)).isEqualTo(written + 3);
    assertThat(Targets.texts(tokenizer, allowed).getFirst()).startsWith("<|im_end|><|im_end|>");
  }

  @Test
  void toolCallsAndTheirTurnsEndAreLearnedAndResultsAreNot() {
    Tokenizer tokenizer = Checkpoints.tokenizer("qwen2_5");
    ChatFormat format = ChatFormats.forBase(Checkpoints.folder("qwen2_5"), "auto").format();
    Message call =
        new Message(
            Role.ASSISTANT,
            "",
            Map.of(
                Message.TOOL_CALLS,
                List.of(
                    Map.of(
                        "type",
                        "function",
                        "function",
                        Map.of("name", "dose", "arguments", "{\"kg\": 70}")))),
            true);
    Conversation conversation =
        new Conversation(
            List.of(
                Message.human("Dose?"),
                call,
                new Message(Role.TOOL, "5 mg"),
                Message.assistant("5 mg.")),
            List.of(Map.of("type", "function", "function", Map.of("name", "dose"))),
            Origin.MEMORY);

    TokenSequence all = new ConversationEncoder(tokenizer, format).encode(conversation);
    assertThat(Targets.texts(tokenizer, all))
        .containsExactly(
            "<tool_call>\n"
                + "{\"name\": \"dose\", \"arguments\": {\"kg\": 70}}\n"
                + "</tool_call><|im_end|>",
            "5 mg.<|im_end|>");
    assertThat(tokenizer.decode(all.inputIds(), false))
        .contains("<tool_response>\n5 mg\n</tool_response>")
        .contains("\"function\": {\"name\": \"dose\"}");
    TokenSequence last = new ConversationEncoder(tokenizer, format, LAST).encode(conversation);
    assertThat(Targets.texts(tokenizer, last)).containsExactly("5 mg.<|im_end|>");
  }

  private static List<Message> without(int message) {
    List<Message> messages = new ArrayList<>(TWO);
    messages.set(message, messages.get(message).learned(false));
    return messages;
  }

  private List<String> targets(String template, EncodingOptions options, List<Message> messages) {
    return Targets.texts(Checkpoints.tokenizer("tiny"), encode(template, options, messages))
        .stream()
        .map(String::stripLeading)
        .toList();
  }

  private TokenSequence encode(String template, EncodingOptions options, List<Message> messages) {
    ChatFormat format = ChatFormats.forBase(Checkpoints.tiny(folder), template).format();
    return new ConversationEncoder(Checkpoints.tokenizer("tiny"), format, options)
        .encode(new Conversation(messages));
  }

  private static long count(TokenSequence sequence, int wanted) {
    return Arrays.stream(sequence.inputIds()).filter(id -> id == wanted).count();
  }
}
