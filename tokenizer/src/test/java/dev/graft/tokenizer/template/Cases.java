package dev.graft.tokenizer.template;

import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Helpers the tests share. */
final class Cases {
  private Cases() {}

  /** A case's data: the variables and nothing else, as the oracle had them. */
  @SuppressWarnings("unchecked")
  static Map<String, @Nullable Object> variables(JsonNode data) {
    return (Map<String, @Nullable Object>) Objects.requireNonNull(TemplateInput.plain(data));
  }

  /** The text, or the message of what went wrong behind the word "error". */
  static String textOrError(Supplier<ChatTemplate> template, TemplateInput input) {
    try {
      return template.get().text(input);
    } catch (TemplateException e) {
      return e.raisedByTemplate() ? "raises " + e.getMessage() : "error";
    }
  }

  /** What Python did with a case, in the words of {@link #textOrError}. */
  static String expected(JsonNode testCase) {
    JsonNode text = testCase.get("expected");
    if (text != null && !text.isNull()) {
      return text.stringValue();
    }
    JsonNode raises = testCase.get("raises");
    if (raises != null) {
      return "raises " + raises.stringValue();
    }
    String error = testCase.get("error").stringValue();
    String raised = "TemplateError: ";
    return error.startsWith(raised) ? "raises " + error.substring(raised.length()) : "error";
  }
}
