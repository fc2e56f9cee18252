package dev.graft.tokenizer.template;

import java.util.List;

/**
 * A chat template, parsed once and rendered many times; immutable and safe to share.
 *
 * <p>Source: the {@code chat_template} of {@code tokenizer_config.json}, or {@code
 * chat_template.jinja} beside it. Rendering follows {@code
 * transformers.PreTrainedTokenizerBase.apply_chat_template} and Jinja2 3.1.
 */
public final class ChatTemplate {
  /** Far beyond any real template (the longest known has 20,000 characters). */
  private static final int MAX_SOURCE = 4 << 20;

  private final String source;
  private final List<Stmt> statements;
  private final Scope scope;

  private ChatTemplate(String source, List<Stmt> statements, Scope scope) {
    this.source = source;
    this.statements = statements;
    this.scope = scope;
  }

  /**
   * Parses a template.
   *
   * @throws TemplateException if it is malformed, or uses a tag, filter, test, function or method
   *     outside the supported subset, which the message names with its line
   */
  public static ChatTemplate parse(String source) {
    if (source.length() > MAX_SOURCE) {
      throw TemplateException.of("the template has more than " + MAX_SOURCE + " characters");
    }
    try {
      List<Stmt> statements = Parser.parse(Lexer.tokenize(source));
      Refusals.checkFunctions(statements);
      return new ChatTemplate(source, statements, Resolver.resolve(statements));
    } catch (StackOverflowError e) {
      throw TemplateException.of("the template is nested too deeply");
    }
  }

  /** The template as it was given. */
  public String source() {
    return source;
  }

  /**
   * Renders the text alone, which costs less than {@link #render} and cannot fail over spans.
   *
   * @throws TemplateException where Python raises an error, with the template's own message if it
   *     called {@code raise_exception}; or when a limit on steps, depth or output is reached
   */
  public String text(TemplateInput input) {
    return Interpreter.render(statements, scope, Conversion.context(input, false)).text();
  }

  /**
   * Renders the text and finds the spans of the assistant's turns.
   *
   * <p>The span of an assistant message holds what the model would generate at that point: its
   * content, reasoning and tool calls with the markup around them, and the end-of-turn marker right
   * behind ({@code <|im_end|>}, {@code <|eot_id|>}, {@code </s>}), but neither the header in front
   * nor white space behind the marker. In detail:
   *
   * <ul>
   *   <li>It starts where the prompt ends that a server would have rendered: behind what {@code
   *       add_generation_prompt} appends. A template that opens no turn has no header, and the span
   *       starts with the first character printed for the message. Where the server's prompt goes
   *       on beyond what past turns show (an empty think block, say), the span starts where the two
   *       part, at the latest with the first character of the message itself.
   *   <li>It ends behind the first {@code eos_token} that follows the message's last character
   *       among what the template prints for this message; without one, behind the last character
   *       printed for the message that is not white space, or that the message itself contains. An
   *       {@code eos_token} that follows immediately belongs to the span even if the next turn
   *       prints it.
   * </ul>
   *
   * <p>Which characters belong to a message is known exactly, since strings keep their origin
   * through the rendering. Where a template mixes turns so that this is not enough, the
   * conversation up to the turn is rendered as a server would and must be a prefix of the whole.
   *
   * @throws TemplateException as {@link #text} does, and when a span cannot be determined, saying
   *     for which message and why
   */
  public Rendering render(TemplateInput input) {
    Str text = tracked(input);
    return new Rendering(
        text.text(),
        new SpanFinder(this, input, text).assistantSpans(),
        SpanFinder.generationSpans(text));
  }

  /** The text with the origin of each character. */
  Str tracked(TemplateInput input) {
    return Interpreter.render(statements, scope, Conversion.context(input, true));
  }
}
