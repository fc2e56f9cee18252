package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The layout for base models that bring no chat template:
 *
 * <pre>
 * ⟨BOS⟩You answer briefly.
 *
 * ### Human:
 * What is a graft?
 *
 * ### Assistant:
 * A shoot set into another plant.⟨EOS⟩
 *
 * ### Human:
 * …
 * </pre>
 *
 * <p>The system message, if there is one, stands first, followed by an empty line. ⟨BOS⟩ is there
 * if the tokenizer's own rule adds one, ⟨EOS⟩ after every answer; both are ids, not text. Targets
 * are each answer and the ⟨EOS⟩ after it.
 *
 * <p>A prompt (from one ⟨EOS⟩ to the line break after {@code ### Assistant:}) and an answer are
 * encoded apart, so that no token spans both. That is what happens when the model serves: the
 * prompt's tokens are fixed before the answer's first one is chosen. So the tokens of {@link
 * #prompt} are exactly the beginning of the tokens of {@link #render}. Tokenizers of the Llama-2
 * kind put a space in front of each piece, so that an answer begins with the token of a whole word.
 */
public record PlainFormat() implements ChatFormat {
  private static final String HUMAN = "### Human:\n";
  private static final String ASSISTANT = "\n\n### Assistant:\n";
  private static final String BETWEEN = "\n\n";

  /** The same text in Jinja, but that BOS is there always; without a place for tools. */
  static final String JINJA =
      """
      {#- graft's plain layout -#}
      {{- bos_token }}
      {%- for message in messages %}
      {%- if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}
      {%- elif message['role'] == 'user' %}{{ '### Human:\\n' + message['content'] + '\\n\\n### Assistant:\\n' }}
      {%- elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}
      {%- if not loop.last %}{{ '\\n\\n' }}{% endif %}
      {%- else %}{{ raise_exception('the plain layout has no place for ' + message['role']) }}
      {%- endif %}
      {%- endfor %}
      """;

  @Override
  public Rendered render(Conversation conversation) {
    return new Rendered(segments(conversation.messages()));
  }

  @Override
  public Rendered prompt(List<Message> messages) {
    ChatFormat.checkPrompt(messages);
    return new Rendered(segments(messages));
  }

  @Override
  public String jinja() {
    return JINJA;
  }

  private static List<Segment> segments(List<Message> messages) {
    List<Segment> segments = new ArrayList<>();
    segments.add(new Segment.Begin());
    StringBuilder prompt = new StringBuilder();
    for (Message message : messages) {
      switch (message.role()) {
        case SYSTEM -> prompt.append(message.content()).append(BETWEEN);
        case HUMAN -> {
          prompt.append(HUMAN).append(message.content()).append(ASSISTANT);
          segments.add(Segment.Text.words(prompt.toString(), false));
          prompt.setLength(0);
        }
        case ASSISTANT -> {
          if (message.callsTools()) {
            throw withoutTools();
          }
          segments.add(answer(message));
          segments.add(new Segment.End(message.learned()));
          prompt.append(BETWEEN);
        }
        case TOOL -> throw withoutTools();
      }
    }
    return segments;
  }

  private static Segment.Text answer(Message message) {
    Segment.Text answer = Segment.Text.words(message.content(), true);
    return message.learned()
        ? answer
        : new Segment.Text(answer.text(), answer.targets(), Set.copyOf(answer.targets()));
  }

  private static DataException withoutTools() {
    return new DataException(
        "The plain layout has no place for tool calls and their answers."
            + " Name a chat template that prints them in data.template.");
  }
}
