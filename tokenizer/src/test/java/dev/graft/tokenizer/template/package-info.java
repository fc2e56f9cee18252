/** Tests of the chat templates, with Python's Jinja2 as the oracle. */
@org.jspecify.annotations.NullMarked
package dev.graft.tokenizer.template;
