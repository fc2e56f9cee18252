package dev.graft.trainer.export;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.PlainFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelfileTest {
  private static final Path BASE =
      Path.of(System.getProperty("graft.root", "..")).resolve("configs/quickstart/model");

  @TempDir Path temp;

  private Modelfile of(String jinja) throws IOException {
    Path file = Files.writeString(temp.resolve("template.jinja"), jinja);
    var format = ChatFormats.forBase(BASE, file.toString()).format();
    return Modelfile.of(Optional.of(format), "<s>", List.of("</s>"));
  }

  private static final String CHATML_TURNS =
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content']"
          + " + '<|im_end|>\\n' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

  @Test
  void chatMl() throws IOException {
    assertThat(of(CHATML_TURNS).template())
        .contains(
            "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n<|im_start|>user\n"
                + "{{ else }}<|im_start|>user\n{{ end }}{{ .Prompt }}<|im_end|>\n"
                + "<|im_start|>assistant\n{{ .Response }}<|im_end|>\n");
  }

  @Test
  void aSystemMessageOfTheTemplatesOwnBecomesOllamas() throws IOException {
    Modelfile modelfile =
        of(
            "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou"
                + " help.<|im_end|>\\n' }}{% endif %}"
                + CHATML_TURNS);
    assertThat(modelfile.system()).contains("You help.");
    assertThat(modelfile.text())
        .contains("FROM ./base.gguf\n", "ADAPTER ./adapter.gguf\n", "SYSTEM \"\"\"You help.\"\"\"")
        .contains("PARAMETER stop \"</s>\"")
        .contains("{{ else }}<|im_start|>user\n{{ end }}");
  }

  @Test
  void llama3() throws IOException {
    String turn = "<|start_header_id|>%s<|end_header_id|>\n\n";
    assertThat(
            of("{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] +"
                    + " '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor"
                    + " %}{% if add_generation_prompt %}{{"
                    + " '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")
                .template())
        .contains(
            "{{ if .System }}"
                + turn.formatted("system")
                + "{{ .System }}<|eot_id|>"
                + turn.formatted("user")
                + "{{ else }}"
                + turn.formatted("user")
                + "{{ end }}{{ .Prompt }}<|eot_id|>"
                + turn.formatted("assistant")
                + "{{ .Response }}<|eot_id|>");
  }

  @Test
  void llama2HasTheSystemMessageInsideTheTurn() throws IOException {
    String jinja =
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
            + "{% set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}"
            + "{% else %}{% set loop_messages = messages %}{% set system = '' %}{% endif %}"
            + "{% for m in loop_messages %}"
            + "{% if m['role'] == 'user' %}{{ '[INST] ' + (system if loop.index0 == 0 else '')"
            + " + m['content'] + ' [/INST]' }}"
            + "{% else %}{{ ' ' + m['content'] + ' </s>' }}{% endif %}{% endfor %}";
    assertThat(of(jinja).template())
        .contains(
            "{{ if .System }}[INST] <<SYS>>\n{{ .System }}\n<</SYS>>\n\n{{ else }}[INST] {{ end }}"
                + "{{ .Prompt }} [/INST]{{ .Response }} </s>");
  }

  @Test
  void graftsPlainLayoutIsTheSameInAllThreeForms() throws IOException {
    Modelfile modelfile = of(new PlainFormat().jinja());
    assertThat(modelfile.template())
        .contains(
            "{{ if .System }}{{ .System }}\n\n### Human:\n{{ else }}### Human:\n{{ end }}"
                + "{{ .Prompt }}\n\n### Assistant:\n{{ .Response }}</s>\n\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // The number of a turn.
        "{% for m in messages %}{{ loop.index ~ ': ' ~ m['content'] ~ '\\n' }}{% endfor %}",
        // Only the last message counts.
        "{{ messages[-1]['content'] }}",
        // Go's own braces.
        "{% for m in messages %}{{ '{' ~ '{' ~ m['content'] ~ '\\n' }}{% endfor %}",
      })
  void whatOllamaCannotSayIsLeftOut(String jinja) throws IOException {
    assertThat(of(jinja).template()).isEmpty();
    assertThat(of(jinja).text()).doesNotContain("TEMPLATE");
  }
}
