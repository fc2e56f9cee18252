package dev.graft.trainer.export;

import dev.graft.tokenizer.ChatFormat;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.Message;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Ollama's Modelfile. Its TEMPLATE is Go's template language, in which it renders one exchange
 * after another; it is derived from what the model's own Jinja template prints for known messages,
 * and checked against what that prints for a conversation of two exchanges. A template that cannot
 * be put so is left out and said to be: Ollama then goes by the Jinja template in the GGUF file.
 *
 * @param template in Go's form
 * @param system the system message that the template prints where there is none
 * @param stops what ends an answer
 */
record Modelfile(Optional<String> template, Optional<String> system, List<String> stops) {
  static final String BASE = "base.gguf";
  static final String ADAPTER = "adapter.gguf";
  static final String FILE = "Modelfile";

  private static final String SYSTEM = "SYSTEM-0f1e";
  private static final String ASKED = "ASKED-2d3c";
  private static final String ANSWERED = "ANSWERED-4b5a";
  private static final String AGAIN = "AGAIN-6978";

  /**
   * Derives a Modelfile.
   *
   * @param format lays conversations out as the adapter was trained; absent where nothing is known
   * @param begin the text of BOS, which Ollama puts in front itself; may be empty
   * @param stops texts of the tokens that end an answer
   */
  static Modelfile of(Optional<ChatFormat> format, String begin, List<String> stops) {
    Optional<Layout> layout = format.flatMap(it -> Layout.of(it, begin));
    return new Modelfile(layout.map(Layout::go), layout.flatMap(Layout::defaultSystem), stops);
  }

  /** The file's text. */
  String text() {
    StringBuilder text = new StringBuilder();
    text.append("# ollama create NAME -f Modelfile\n");
    text.append("FROM ./").append(BASE).append('\n');
    text.append("ADAPTER ./").append(ADAPTER).append('\n');
    template.ifPresent(go -> text.append("TEMPLATE \"\"\"").append(go).append("\"\"\"\n"));
    system.ifPresent(words -> text.append("SYSTEM \"\"\"").append(words).append("\"\"\"\n"));
    for (String stop : stops) {
      text.append("PARAMETER stop \"").append(stop.replace("\"", "\\\"")).append("\"\n");
    }
    return text.toString();
  }

  /**
   * What stands around messages.
   *
   * @param beforeSystem what a text begins with that has a system message; empty where the template
   *     takes none
   * @param afterSystem from the system message to the person's words
   * @param beginning what an exchange begins with that has none
   * @param afterPrompt from the person's words to the answer
   * @param beforeAnswer white space that earlier answers begin with. Ollama's form has no place for
   *     it that a new answer would not begin behind, so it is left out there; models of the Llama 2
   *     kind write that space themselves
   * @param afterAnswer what ends an answer
   * @param defaultSystem what the template says where a text has no system message
   */
  private record Layout(
      Optional<String> beforeSystem,
      String afterSystem,
      String beginning,
      String afterPrompt,
      String beforeAnswer,
      String afterAnswer,
      Optional<String> defaultSystem) {

    static Optional<Layout> of(ChatFormat format, String begin) {
      try {
        String alone = rendered(format, begin, Message.human(ASKED));
        String chat =
            rendered(
                format,
                begin,
                Message.human(ASKED),
                Message.assistant(ANSWERED),
                Message.human(AGAIN));
        return derived(alone, chat, withSystem(format, begin))
            .filter(layout -> layout.says(chat) && layout.isPlainText());
      } catch (DataException e) {
        // A template that refuses such messages.
        return Optional.empty();
      }
    }

    /** Some templates take no system message; Ollama's then has no place for one either. */
    private static String withSystem(ChatFormat format, String begin) {
      try {
        return rendered(format, begin, Message.system(SYSTEM), Message.human(ASKED));
      } catch (DataException e) {
        return "";
      }
    }

    private static String rendered(ChatFormat format, String begin, Message... messages) {
      String text = format.prompt(List.of(messages)).text();
      return !begin.isEmpty() && text.startsWith(begin) ? text.substring(begin.length()) : text;
    }

    private static Optional<Layout> derived(String alone, String chat, String withSystem) {
      int asked = alone.indexOf(ASKED);
      int answered = chat.indexOf(ANSWERED);
      int again = chat.indexOf(AGAIN);
      if (asked < 0 || answered < 0 || again < answered) {
        return Optional.empty();
      }
      String beginning = alone.substring(0, asked);
      String between = chat.substring(answered + ANSWERED.length(), again);
      int system = withSystem.indexOf(SYSTEM);
      int askedThere = withSystem.indexOf(ASKED);
      Optional<String> before = Optional.empty();
      String after = "";
      Optional<String> byDefault = Optional.empty();
      if (system >= 0 && askedThere > system) {
        before = Optional.of(withSystem.substring(0, system));
        after = withSystem.substring(system + SYSTEM.length(), askedThere);
        if (!between.endsWith(beginning)) {
          // The template begins with a system message of its own; later exchanges do not.
          byDefault = inside(beginning, before.get(), after);
          beginning = turn(after, between);
        }
      }
      String afterPrompt = alone.substring(asked + ASKED.length());
      String upToAnswer = chat.substring(chat.indexOf(ASKED) + ASKED.length(), answered);
      if (!between.endsWith(beginning) || !upToAnswer.startsWith(afterPrompt)) {
        return Optional.empty();
      }
      return Optional.of(
          new Layout(
              before,
              after,
              beginning,
              afterPrompt,
              upToAnswer.substring(afterPrompt.length()),
              between.substring(0, between.length() - beginning.length()),
              byDefault));
    }

    /** ChatML's turn, which both texts end with. */
    private static String turn(String one, String other) {
      int marker = one.lastIndexOf("<|im_start|>");
      String turn = marker < 0 ? one : one.substring(marker);
      return other.endsWith(turn) ? turn : one;
    }

    private static Optional<String> inside(String text, String before, String after) {
      return text.startsWith(before)
              && text.endsWith(after)
              && text.length() > before.length() + after.length()
          ? Optional.of(text.substring(before.length(), text.length() - after.length()))
          : Optional.empty();
    }

    /** Whether two exchanges come out as the Jinja template has them. */
    private boolean says(String chat) {
      String start =
          defaultSystem
              .map(words -> beforeSystem.orElse("") + words + afterSystem)
              .orElse(beginning);
      String first = start + ASKED + afterPrompt + beforeAnswer + ANSWERED + afterAnswer;
      return beforeAnswer.isBlank() && chat.equals(first + beginning + AGAIN + afterPrompt);
    }

    /** Whether Go would take nothing of it for its own. */
    private boolean isPlainText() {
      return Stream.of(
              beforeSystem.orElse(""),
              afterSystem,
              beginning,
              afterPrompt,
              afterAnswer,
              defaultSystem.orElse(""))
          .noneMatch(text -> text.contains("{{") || text.contains("}}") || text.contains("\"\"\""));
    }

    String go() {
      String start =
          beforeSystem
              .map(before ->
                  "{{ if .System }}"
                      + before
                      + "{{ .System }}"
                      + afterSystem
                      + "{{ else }}"
                      + beginning
                      + "{{ end }}")
              .orElse(beginning);
      return start + "{{ .Prompt }}" + afterPrompt + "{{ .Response }}" + afterAnswer;
    }
  }
}
