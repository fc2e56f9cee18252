package dev.graft.tokenizer;

import dev.graft.tokenizer.template.ChatTemplate;
import dev.graft.tokenizer.template.Rendering;
import dev.graft.tokenizer.template.TemplateException;
import dev.graft.tokenizer.template.TemplateInput;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The layout that a checkpoint's own Jinja template prescribes. The conversation is rendered whole
 * and encoded whole, without adding anything: the ids are those of transformers' {@code
 * apply_chat_template(tokenize=True)}, so BOS is there exactly if the template writes it.
 *
 * <p>Targets are the assistant's turns: what {@code {% generation %}} blocks print if the template
 * has any, else everything from where the generation prompt ends to the end-of-turn token, see
 * {@link ChatTemplate#render} and {@link LossMask}. A conversation whose last turn the template
 * leaves open gets the tokenizer's EOS, as a target, so that the model learns to stop.
 *
 * <p>What looks like a special token inside a message stays text.
 */
public final class TemplateFormat implements ChatFormat {
  /** The name of the template for conversations in general. */
  static final String DEFAULT = "default";

  /** The name of the template for conversations that offer tools, where a model has several. */
  static final String TOOL_USE = "tool_use";

  private final ChatTemplate template;
  private final ChatTemplate withTools;
  private final Path file;
  private final Map<String, String> specialTokens;
  private final WordDisguise disguise;
  // One moment for the whole run, so that a template that prints the date prints one date.
  private final Clock clock;

  private TemplateFormat(
      ChatTemplate template, ChatTemplate withTools, Path file, Path checkpoint, Clock clock) {
    this.template = template;
    this.withTools = withTools;
    this.file = file;
    this.clock = clock;
    specialTokens = TokenizerConfig.read(checkpoint).tokens();
    disguise = new WordDisguise(TokenizerJson.specialTokens(checkpoint.resolve("tokenizer.json")));
  }

  /**
   * Parses a template.
   *
   * @param source the template's text
   * @param file where it came from, for messages
   * @param checkpoint the folder that names the special tokens
   * @param clock what a template that prints the date goes by
   * @throws DataException if the template is outside of what is supported
   */
  public static TemplateFormat parse(String source, Path file, Path checkpoint, Clock clock) {
    return parse(Map.of(DEFAULT, source), file, checkpoint, clock);
  }

  /**
   * Parses the templates that a checkpoint names.
   *
   * @param sources {@code default} and perhaps {@code tool_use}; others are not looked at
   */
  static TemplateFormat parse(
      Map<String, String> sources, Path file, Path checkpoint, Clock clock) {
    try {
      ChatTemplate template = ChatTemplate.parse(Objects.requireNonNull(sources.get(DEFAULT)));
      String toolUse = sources.get(TOOL_USE);
      ChatTemplate withTools = toolUse == null ? template : ChatTemplate.parse(toolUse);
      return new TemplateFormat(template, withTools, file, checkpoint, clock);
    } catch (TemplateException e) {
      throw new DataException(
          file
              + ": "
              + e.getMessage()
              + ". Name another template in data.template, or plain for none.",
          e);
    }
  }

  @Override
  public Rendered render(Conversation conversation) {
    List<String> hidden = new ArrayList<>();
    TemplateInput input =
        input(disguise.hide(conversation.messages(), hidden), conversation.tools(), false);
    try {
      ChatTemplate chosen = conversation.tools().isEmpty() ? template : withTools;
      checkToolCalls(chosen, conversation);
      Rendering rendering = chosen.render(input);
      Turns turns = assistantTurns(rendering, conversation);
      return new Rendered(
          List.of(disguise.restore(rendering.text(), turns.all(), turns.unlearned(), hidden)));
    } catch (TemplateException e) {
      throw refused(conversation.origin(), e);
    } catch (DataException e) {
      throw new DataException(conversation.origin(), String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public Rendered prompt(List<Message> messages) {
    ChatFormat.checkPrompt(messages);
    List<String> hidden = new ArrayList<>();
    TemplateInput input = input(disguise.hide(messages, hidden), List.of(), true);
    try {
      return new Rendered(
          List.of(disguise.restore(template.text(input), List.of(), Set.of(), hidden)));
    } catch (TemplateException e) {
      throw refused(Origin.MEMORY, e);
    }
  }

  /** What a template never looks at would silently not be learned. */
  private static void checkToolCalls(ChatTemplate template, Conversation conversation) {
    if (!template.source().contains(Message.TOOL_CALLS)
        && conversation.messages().stream().anyMatch(Message::callsTools)) {
      throw new DataException(
          "the assistant calls tools, which the chat template does not print, so that nothing"
              + " would be learned of the calls. Name a template that prints tool_calls in"
              + " data.template, or remove the row.");
    }
  }

  @Override
  public String jinja() {
    return template.source();
  }

  private record Turns(List<Span> all, Set<Span> unlearned) {}

  private static Turns assistantTurns(Rendering rendering, Conversation conversation) {
    List<dev.graft.tokenizer.template.Span> spans =
        rendering.generationSpans().isEmpty()
            ? rendering.assistantSpans()
            : rendering.generationSpans();
    List<Span> all = new ArrayList<>();
    Set<Span> unlearned = new HashSet<>();
    for (dev.graft.tokenizer.template.Span span : spans) {
      Span stretch = new Span(span.start(), span.end());
      all.add(stretch);
      if (span.message() >= 0 && !conversation.messages().get(span.message()).learned()) {
        unlearned.add(stretch);
      }
    }
    return new Turns(all, unlearned);
  }

  private static Map<String, @Nullable Object> variables(Message message) {
    Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    variables.put("role", message.role().templateName());
    variables.put("content", message.content());
    message
        .extras()
        .forEach((key, value) ->
            variables.put(
                key, key.equals(Message.TOOL_CALLS) ? ToolCalls.forTemplate(value) : value));
    return variables;
  }

  private TemplateInput input(
      List<Message> messages, List<Object> tools, boolean addGenerationPrompt) {
    TemplateInput.Builder input =
        TemplateInput.builder(messages.stream().map(TemplateFormat::variables).toList());
    if (!tools.isEmpty()) {
      input.tools(tools);
    }
    specialTokens.forEach(input::variable);
    return input.addGenerationPrompt(addGenerationPrompt).clock(clock).build();
  }

  private DataException refused(Origin origin, TemplateException e) {
    String problem =
        e.raisedByTemplate()
            ? "the chat template of "
                + file
                + " refuses the conversation: "
                + e.getMessage()
                + ". Change the conversation, or name another template in data.template."
            : file + ": " + e.getMessage();
    return origin.file() == null
        ? new DataException(problem, e)
        : new DataException(origin, problem, e);
  }
}
