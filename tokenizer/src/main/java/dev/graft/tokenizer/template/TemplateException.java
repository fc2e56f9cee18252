package dev.graft.tokenizer.template;

/**
 * A template that cannot be parsed, lies outside the supported subset, or fails while rendering.
 *
 * <p>The message says the line of the template, what is wrong and what to do. Where the template
 * itself called {@code raise_exception}, the message is the template's own words and nothing else.
 */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int line;
  private final boolean raisedByTemplate;

  private TemplateException(String message, int line, boolean raisedByTemplate) {
    super(message);
    this.line = line;
    this.raisedByTemplate = raisedByTemplate;
  }

  static TemplateException at(int line, String message) {
    return new TemplateException("chat template, line " + line + ": " + message, line, false);
  }

  static TemplateException of(String message) {
    return new TemplateException("chat template: " + message, 0, false);
  }

  static TemplateException raised(int line, String message) {
    return new TemplateException(message, line, true);
  }

  /** The template's line, counted from 1; 0 where no single line is to blame. */
  public int line() {
    return line;
  }

  /** Whether the template called {@code raise_exception}: the conversation breaks its rules. */
  public boolean raisedByTemplate() {
    return raisedByTemplate;
  }
}
