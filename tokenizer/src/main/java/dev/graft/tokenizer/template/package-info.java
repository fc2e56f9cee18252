/**
 * Chat templates, rendered exactly as transformers renders them with Python's Jinja2.
 *
 * <p>A checkpoint brings its own template: a Jinja program that turns a conversation into the text
 * the model was trained on. One wrong blank ruins a fine-tuning silently, so this package is a
 * small interpreter of its own: {@code Lexer} and {@code Parser} make a sealed tree, {@code
 * Resolver} fixes which variable each name means (Jinja decides that when it compiles), {@code
 * Interpreter} walks the tree over Python's values. The environment is the one of {@code
 * apply_chat_template}: sandboxed and immutable, {@code trim_blocks}, {@code lstrip_blocks}, loop
 * controls, {@code tojson} without HTML escaping, {@code raise_exception}, {@code strftime_now} and
 * {@code {% generation %}}. Anything else is refused by name when the template is parsed; nothing
 * is rendered approximately. What users wrote is data and never looked at as template.
 *
 * <p>Strings remember which message they came from ({@code Str}), which is how {@link
 * dev.graft.tokenizer.template.ChatTemplate#render} knows where each assistant turn stands in the
 * output.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.tokenizer.template;
