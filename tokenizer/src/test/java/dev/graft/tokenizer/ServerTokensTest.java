package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.template.ChatTemplate;
import dev.graft.tokenizer.template.TemplateInput;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * A server renders a conversation whole, with the checkpoint's special tokens, and encodes the text
 * whole, adding nothing. Training must see the same tokens, whatever the template and tokenizer.
 */
class ServerTokensTest {
  private static final Clock CLOCK = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

  private static final List<List<Message>> CONVERSATIONS =
      List.of(
          List.of(Message.human("Hi"), Message.assistant("Yo")),
          List.of(
              Message.system("Sei kurz. 🦙"),
              Message.human("  What is\n\n x\u0301?\t"),
              Message.assistant("\nAn `x`.\n```\ny = {{ x }}\n```\n"),
              Message.human("日本語?"),
              Message.assistant(" はい。 ")),
          List.of(
              Message.human("1"),
              Message.assistant("2"),
              Message.human("3"),
              Message.assistant("4")));

  @ParameterizedTest
  @ValueSource(strings = {"llama2_tinyllama", "mistral_v1", "qwen2_5"})
  void trainingSeesWhatAServerMakes(String name) {
    Tokenizer tokenizer = Checkpoints.tokenizer(name);
    Path folder = Checkpoints.folder(name);
    Map<String, String> special = TokenizerConfig.read(folder).tokens();
    Set<String> templates = new LinkedHashSet<>();
    for (JsonNode testCase : Checkpoints.chatTemplateCases()) {
      templates.add(testCase.get("template").stringValue());
    }
    int compared = 0;
    for (String source : templates) {
      TemplateFormat format = TemplateFormat.parse(source, Path.of("x.jinja"), folder, CLOCK);
      ChatTemplate template = ChatTemplate.parse(source);
      for (List<Message> messages : CONVERSATIONS) {
        TokenSequence sequence;
        try {
          sequence = new ConversationEncoder(tokenizer, format).encode(new Conversation(messages));
        } catch (DataException e) {
          continue; // The template refuses the conversation, or says nothing about tools.
        }
        int[] server = tokenizer.encode(template.text(input(messages, special)));
        // A last turn that the template leaves open is closed by EOS: a server stops there.
        int extra = sequence.length() - server.length;
        assertThat(extra).isBetween(0, 1);
        assertThat(Arrays.copyOf(sequence.inputIds(), server.length)).isEqualTo(server);
        if (extra == 1) {
          assertThat(sequence.inputIds()[server.length]).isEqualTo(tokenizer.eosId());
          assertThat(sequence.target()[server.length]).isTrue();
        }
        assertThat(sequence.targetCount()).isPositive();
        assertNoDoubledBos(tokenizer, sequence);
        compared++;
      }
    }
    assertThat(templates).hasSizeGreaterThan(50);
    assertThat(compared).isGreaterThan(100);
  }

  private static void assertNoDoubledBos(Tokenizer tokenizer, TokenSequence sequence) {
    Integer bos = tokenizer.bosId();
    if (bos != null && sequence.inputIds()[0] == bos) {
      assertThat(sequence.inputIds()[1]).isNotEqualTo(bos);
    }
  }

  private static TemplateInput input(List<Message> messages, Map<String, String> special) {
    TemplateInput.Builder input =
        TemplateInput.builder(
            messages.stream()
                .map(m -> Map.of("role", m.role().templateName(), "content", m.content()))
                .toList());
    special.forEach(input::variable);
    return input.clock(CLOCK).build();
  }
}
