package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class SequenceReaderTest {
  @TempDir Path folder;

  private final ConversationEncoder encoder =
      new ConversationEncoder(Checkpoints.tokenizer("tiny"), new PlainFormat());

  @Test
  void aConversationIsCutBehindTheLastAnswerThatFits() {
    List<Message> messages = new ArrayList<>(List.of(Message.system("Be brief.")));
    for (int i = 0; i < 7; i++) {
      messages.add(Message.human("question " + i));
      messages.add(Message.assistant("answer " + i));
    }
    Checkpoints.write(file(), json(messages));
    int[] lengths = new int[8];
    for (int i = 1; i <= 7; i++) {
      lengths[i] = encoder.encode(new Conversation(messages).firstExchanges(i)).length();
    }

    for (int exchanges = 1; exchanges < 7; exchanges++) {
      for (int room : new int[] {lengths[exchanges], lengths[exchanges + 1] - 1}) {
        Read read = read(room, () -> encoder);
        TokenSequence expected =
            encoder.encode(new Conversation(messages).firstExchanges(exchanges));
        assertThat(read.sequences)
            .singleElement()
            .satisfies(s -> assertThat(s.inputIds()).isEqualTo(expected.inputIds()));
        assertThat(read.lengths)
            .isEqualTo(
                new LengthSummary(
                    0,
                    1,
                    0,
                    List.of(
                        "%s line 1: %d tokens, cut to the first %d of 7 exchanges (%d tokens)"
                            .formatted(file(), lengths[7], exchanges, lengths[exchanges]))));
      }
    }
    assertThat(read(lengths[7], () -> encoder).lengths.kept()).isEqualTo(1);
    Read nothing = read(lengths[1] - 1, () -> encoder);
    assertThat(nothing.sequences).isEmpty();
    assertThat(nothing.lengths.skipped()).isEqualTo(1);
    assertThat(nothing.lengths.first())
        .containsExactly(file() + " line 1: " + lengths[7] + " tokens, skipped");
  }

  @Test
  void tokensThatAreTooLongAreSkippedAndTheFirstTenNamed() {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 31; i++) {
      rows.append("{\"input_ids\":[1,2,3],\"labels\":[-100,2,3]}\n");
      rows.append("{\"input_ids\":[1,2],\"labels\":[-100,2]}\n");
    }
    Checkpoints.write(file(), rows.toString());

    Read read = read(2, SequenceReaderTest::noEncoder);

    assertThat(read.sequences).hasSize(31).allMatch(sequence -> sequence.length() == 2);
    assertThat(read.sequences.get(1).maxTokenId()).isEqualTo(2);
    assertThat(read.lengths.skipped()).isEqualTo(31);
    assertThat(read.lengths.rows()).isEqualTo(62);
    assertThat(read.lengths.first())
        .hasSize(10)
        .startsWith(file() + " line 1: 3 tokens, skipped", file() + " line 3: 3 tokens, skipped");
  }

  @Test
  void manyRowsComeInTheirOrder() {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 700; i++) {
      rows.append(json(List.of(Message.human("q" + i), Message.assistant("a" + i)))).append('\n');
    }
    Checkpoints.write(file(), rows.toString());
    Read read = read(1000, () -> encoder);
    assertThat(read.sequences).hasSize(700);
    for (int i = 0; i < 700; i++) {
      assertThat(read.sequences.get(i).origin()).isEqualTo(new Origin(file(), i + 1));
      assertThat(encoder.tokenizer().decode(read.sequences.get(i).inputIds(), true))
          .endsWith("### Assistant:\na" + i);
    }
  }

  @Test
  void aWrongRowStopsTheReading() {
    Checkpoints.write(
        file(), json(List.of(Message.human("q"), Message.assistant("a"))) + "\n{\"x\":1}");
    assertThatThrownBy(() -> read(1000, () -> encoder))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(file() + " line 2: ");
  }

  @Test
  void lengthsThatMakeNoSense() {
    assertThatThrownBy(() -> new MaxLength(1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void realDialoguesWithTheRealTokenizer() {
    Path file = Checkpoints.conformance().resolve("data/mts-dialog/train.conversations.jsonl");
    ConversationEncoder real =
        new ConversationEncoder(Checkpoints.tokenizer("llama2_tinyllama"), new PlainFormat());
    try (SequenceReader reader =
        SequenceReader.open(file, DataFormat.AUTO, () -> real, new MaxLength(512))) {
      long targets = 0;
      for (TokenSequence sequence : reader) {
        assertThat(sequence.length()).isLessThanOrEqualTo(512);
        assertThat(sequence.targetCount()).isPositive();
        targets += sequence.targetCount();
      }
      LengthSummary lengths = reader.lengths();
      assertThat(lengths.rows()).isEqualTo(1201);
      assertThat(lengths.cut()).isZero(); // each has one exchange
      assertThat(lengths.skipped()).isPositive();
      assertThat(targets).isGreaterThan(10_000);
    }
  }

  private static ConversationEncoder noEncoder() {
    throw new AssertionError("tokens need no encoder");
  }

  private record Read(List<TokenSequence> sequences, LengthSummary lengths) {}

  private Read read(int maxLength, Supplier<ConversationEncoder> encoders) {
    try (SequenceReader reader =
        SequenceReader.open(file(), DataFormat.AUTO, encoders, new MaxLength(maxLength))) {
      List<TokenSequence> sequences = new ArrayList<>();
      reader.forEach(sequences::add);
      return new Read(sequences, reader.lengths());
    }
  }

  private Path file() {
    return folder.resolve("data.jsonl");
  }

  private static String json(List<Message> messages) {
    ObjectNode row = JsonFiles.MAPPER.createObjectNode();
    ArrayNode array = row.putArray("conversations");
    for (Message message : messages) {
      array.addObject().put("role", message.role().dataName()).put("content", message.content());
    }
    return row.toString();
  }
}
