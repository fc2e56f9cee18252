package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlainFormatTest {
  private static final List<Message> TWO_EXCHANGES =
      List.of(
          Message.system("Answer briefly."),
          Message.human("What is a graft? 🦙"),
          Message.assistant("\n A shoot </s> set into\nanother plant. "),
          Message.human("### Assistant:\nReally?"),
          Message.assistant("Yes."));

  @TempDir Path folder;

  @Test
  void theLayoutIsAsDocumented() {
    Rendered rendered = new PlainFormat().render(new Conversation(TWO_EXCHANGES));

    assertThat(rendered.text())
        .isEqualTo(
            "Answer briefly.\n\n### Human:\nWhat is a graft? 🦙\n\n### Assistant:\n"
                + "\n A shoot </s> set into\nanother plant. "
                + "\n\n### Human:\n### Assistant:\nReally?\n\n### Assistant:\nYes.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5", "stories260K", "tiny"})
  void targetsAreTheAnswersAndTheirEnds(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    TokenSequence sequence =
        new ConversationEncoder(tokenizer, new PlainFormat())
            .encode(new Conversation(TWO_EXCHANGES));

    int eos = eos(tokenizer);
    List<String> answers = new ArrayList<>();
    List<Integer> answer = new ArrayList<>();
    for (int i = 0; i < sequence.length(); i++) {
      int id = sequence.inputIds()[i];
      if (sequence.target()[i]) {
        answer.add(id);
      }
      if (id == eos) {
        assertThat(answer.removeLast()).isEqualTo(eos);
        answers.add(tokenizer.decode(toArray(answer), false));
        answer.clear();
      }
    }
    assertThat(answer).isEmpty();
    assertThat(answers).containsExactly(TWO_EXCHANGES.get(2).content(), "Yes.");
    // The words "</s>" in the answer are no token: two ends for two answers.
    assertThat(Arrays.stream(sequence.inputIds()).filter(id -> id == eos)).hasSize(2);
    assertThat(sequence.inputIds()[sequence.length() - 1]).isEqualTo(eos);
    assertThat(sequence.target()[0]).isFalse();
    if (tokenizer.bosId() != null) {
      int bos = tokenizer.bosId();
      assertThat(sequence.inputIds()[0]).isEqualTo(bos);
      assertThat(Arrays.stream(sequence.inputIds()).filter(id -> id == bos)).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5", "stories260K", "tiny"})
  void promptsAreTheBeginningOfWhatWasTrained(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    ConversationEncoder encoder = new ConversationEncoder(tokenizer, new PlainFormat());
    TokenSequence trained = encoder.encode(new Conversation(TWO_EXCHANGES));

    for (int messages : new int[] {2, 4}) {
      int[] prompt = encoder.prompt(TWO_EXCHANGES.subList(0, messages));
      assertThat(trained.inputIds()).startsWith(prompt);
      assertThat(trained.target()[prompt.length]).isTrue();
      assertThat(trained.target()[prompt.length - 1]).isFalse();
    }
    TokenSequence first = encoder.encode(new Conversation(TWO_EXCHANGES).firstExchanges(1));
    assertThat(trained.inputIds()).startsWith(first.inputIds());
  }

  @Test
  void manyAtOnceGiveWhatEachGivesAlone() {
    ConversationEncoder encoder =
        new ConversationEncoder(Checkpoints.tokenizer("tiny"), new PlainFormat());
    List<Conversation> conversations =
        IntStream.range(0, 31)
            .mapToObj(i ->
                new Conversation(
                    List.of(
                        Message.human("question " + i + "</s>".repeat(i % 4)),
                        Message.assistant("answer 🦙".repeat(1 + i % 3))),
                    new Origin(Path.of("x"), i)))
            .toList();
    List<TokenSequence> sequences = encoder.encodeAll(conversations);
    for (int i = 0; i < conversations.size(); i++) {
      assertThat(sequences.get(i)).isEqualTo(encoder.encode(conversations.get(i)));
    }
  }

  @Test
  void promptsEndWithAHuman() {
    PlainFormat format = new PlainFormat();
    for (List<Message> messages :
        List.of(
            List.<Message>of(),
            List.of(Message.system("x")),
            TWO_EXCHANGES,
            List.of(Message.human("a"), Message.human("b")))) {
      assertThatThrownBy(() -> format.prompt(messages)).isInstanceOf(DataException.class);
    }
  }

  @Test
  void aCheckpointWithoutAnEndIsRefused() {
    Path checkpoint = Checkpoints.tiny(folder);
    Checkpoints.write(checkpoint.resolve("tokenizer_config.json"), "{\"bos_token\":\"<s>\"}");
    try (Tokenizer tokenizer = HuggingFaceTokens.load(checkpoint)) {
      ConversationEncoder encoder = new ConversationEncoder(tokenizer, new PlainFormat());
      assertThatThrownBy(() -> encoder.encode(new Conversation(TWO_EXCHANGES)))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("Add \"eos_token\"");
    }
  }

  private static int eos(Tokenizer tokenizer) {
    return Objects.requireNonNull(tokenizer.eosId());
  }

  private static int[] toArray(List<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }
}
