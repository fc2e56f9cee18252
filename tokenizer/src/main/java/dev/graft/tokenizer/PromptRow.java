package dev.graft.tokenizer;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A row of a file of prompts.
 *
 * @param prompt what is to be answered
 * @param fields the whole row, as plain Java values in their order
 * @param origin where it stands
 */
public record PromptRow(Prompt prompt, Map<String, @Nullable Object> fields, Origin origin) {

  /** What is to be answered. */
  public sealed interface Prompt {
    /** A text on its own. */
    record Text(String text) implements Prompt {}

    /** A conversation whose last message is a person's. */
    record Messages(List<Message> messages) implements Prompt {
      public Messages {
        messages = List.copyOf(messages);
      }
    }
  }

  public PromptRow {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }
}
