package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.tokenizer.template.ChatTemplate;
import dev.graft.tokenizer.template.TemplateException;
import dev.graft.tokenizer.template.TemplateInput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The layouts that have a name: what they are, what of them is learned, and real models' own. */
class NamedTemplatesTest {
  private static final List<Message> CONVERSATION =
      List.of(
          Message.system("Be brief."),
          Message.human("Hi 🦙"),
          Message.assistant("Yes?"),
          Message.human("Bye"),
          Message.assistant("See you."));

  /**
   * A layout.
   *
   * @param text of {@link #CONVERSATION}
   * @param learned the parts of it that are targets
   */
  private record Layout(String name, String text, List<String> learned) {}

  private static List<Layout> layouts() {
    return List.of(
        new Layout(
            "llama3",
            "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nHi 🦙<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nYes?<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nSee you.<|eot_id|>",
            // This base has no such token: it is spelled out, and EOS is put behind the last one.
            List.of("Yes?<|eot_id|>", "See you.<|eot_id|></s>")),
        new Layout(
            "llama2",
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi 🦙 [/INST] Yes? </s>"
                + "<s>[INST] Bye [/INST] See you. </s>",
            List.of("Yes? </s>", "See you. </s>")),
        new Layout(
            "mistral",
            "<s>[INST] Be brief.\n\nHi 🦙 [/INST]Yes?</s>[INST] Bye [/INST]See you.</s>",
            List.of("Yes?</s>", "See you.</s>")),
        new Layout(
            "chatml",
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi 🦙<|im_end|>\n"
                + "<|im_start|>assistant\nYes?<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
                + "<|im_start|>assistant\nSee you.<|im_end|>\n",
            List.of("Yes?<|im_end|>", "See you.<|im_end|>")),
        new Layout(
            "zephyr",
            "<|system|>\nBe brief.</s>\n<|user|>\nHi 🦙</s>\n<|assistant|>\nYes?</s>\n"
                + "<|user|>\nBye</s>\n<|assistant|>\nSee you.</s>\n",
            List.of("Yes?</s>", "See you.</s>")),
        new Layout(
            "plain",
            "Be brief.\n\n### Human:\nHi 🦙\n\n### Assistant:\nYes?\n\n### Human:\nBye\n\n"
                + "### Assistant:\nSee you.",
            List.of("Yes?</s>", "See you.</s>")));
  }

  @TempDir Path folder;

  @ParameterizedTest
  @MethodSource("layouts")
  void textAndTargets(Layout layout) {
    Tokenizer tokenizer = Checkpoints.tokenizer("tiny");
    ChatFormat format = ChatFormats.forBase(Checkpoints.tiny(folder), layout.name).format();
    assertThat(format.render(new Conversation(CONVERSATION)).text()).isEqualTo(layout.text);

    ConversationEncoder encoder = new ConversationEncoder(tokenizer, format);
    TokenSequence sequence = encoder.encode(new Conversation(CONVERSATION));
    assertThat(Targets.texts(tokenizer, sequence))
        .extracting(String::stripLeading)
        .isEqualTo(layout.learned);

    int[] prompt = encoder.prompt(CONVERSATION.subList(0, 4));
    assertThat(sequence.inputIds()).startsWith(prompt);
  }

  @Test
  void whatAnAnswerEndsWithIsSaid() {
    Checkpoints.tiny(folder);
    assertThat(ChatFormats.forBase(folder, "chatml").reason())
        .isEqualTo("chatml, as data.template says; answers end with <|im_end|>");
    assertThat(ChatFormats.forBase(folder, "llama3").reason())
        .isEqualTo(
            "llama3, as data.template says; answers end with <|eot_id|>, which is no token of this"
                + " base: it is spelled out, and EOS follows the last answer");
    assertThatThrownBy(() -> ChatFormats.forBase(folder, "lama3"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("nor a file; did you mean llama3?");
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "llama2", "mistral", "chatml", "zephyr", "plain"})
  void toolCallsAreNeverDroppedSilently(String name) {
    Message call =
        new Message(
            Role.ASSISTANT,
            "I look.",
            Map.of(Message.TOOL_CALLS, List.of(Map.of("function", Map.of("name", "f")))),
            true);
    ChatFormat format = ChatFormats.forBase(Checkpoints.tiny(folder), name).format();
    assertThatThrownBy(() -> format.render(new Conversation(List.of(Message.human("Hi"), call))))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("tool");
    if (!name.equals("plain")) {
      Conversation offered =
          new Conversation(
              List.of(Message.human("Hi"), Message.assistant("Yo")),
              List.of(Map.of("type", "function")),
              Origin.MEMORY);
      assertThatThrownBy(() -> format.render(offered)).hasMessageContaining("tools");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "llama2", "mistral", "chatml", "zephyr"})
  void equalToTheTemplateOfARealModel(String name) throws IOException {
    List<String> family =
        switch (name) {
          case "llama3" -> List.of("lenml/llama3_1 ");
          case "llama2" -> List.of("hfjs/llama");
          case "mistral" -> List.of("hfjs/mistralai/Mixtral-8x7B-Instruct-v0.1");
          case "chatml" -> List.of("hfjs/_base", "hfjs/cognitivecomputations/dolphin");
          default -> List.of("hfjs/HuggingFaceH4/zephyr-7b-beta");
        };
    ChatTemplate ours = ChatTemplate.parse(source(name));
    int compared = 0;
    for (JsonNode testCase : Checkpoints.chatTemplateCases()) {
      String of = testCase.get("name").stringValue();
      if (family.stream().anyMatch(of::startsWith)) {
        ChatTemplate real = ChatTemplate.parse(testCase.get("template").stringValue());
        for (TemplateInput input : inputs(testCase.get("data"))) {
          String expected = textOrNull(real, input);
          if (expected != null) {
            assertThat(ours.text(input)).as(of).isEqualTo(expected);
            compared++;
          }
        }
      }
    }
    assertThat(compared).isGreaterThanOrEqualTo(5);
  }

  /** The case's own data, and conversations of ours with and without a prompt at the end. */
  private static List<TemplateInput> inputs(JsonNode data) {
    List<TemplateInput> inputs = new ArrayList<>();
    inputs.add(TemplateInput.of(Checkpoints.variables(data)));
    for (List<Message> messages :
        List.of(
            CONVERSATION,
            CONVERSATION.subList(1, 5),
            List.of(Message.human("  a\n"), Message.assistant(" b\n\n")),
            List.of(Message.system(" s "), Message.human(""), Message.assistant("<x> & \"y\"")))) {
      for (boolean prompt : new boolean[] {false, true}) {
        List<Map<String, String>> plain =
            messages.stream()
                .map(m -> Map.of("role", m.role().templateName(), "content", m.content()))
                .toList();
        inputs.add(
            TemplateInput.builder(prompt ? plain.subList(0, plain.size() - 1) : plain)
                .addGenerationPrompt(prompt)
                .bosToken("<s>")
                .eosToken("</s>")
                .build());
      }
    }
    return inputs;
  }

  /** Null where the real template refuses: Mixtral's has no place for a system message. */
  private static @Nullable String textOrNull(ChatTemplate template, TemplateInput input) {
    try {
      return template.text(input);
    } catch (TemplateException e) {
      return null;
    }
  }

  private static String source(String name) throws IOException {
    return Files.readString(
        Path.of("src/main/resources/dev/graft/tokenizer/templates/" + name + ".jinja"));
  }
}
