package dev.graft.tokenizer;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One thing that was said.
 *
 * @param role who said it
 * @param content what was said, exactly; nothing is trimmed anywhere
 * @param extras what chat templates may print beside it, as plain Java values (Map, List, String,
 *     Number, Boolean, null): {@code tool_calls}, {@code tool_call_id}, {@code name}, {@code
 *     reasoning_content}; mostly empty
 * @param learned whether an assistant's message is learned, false where the data says {@code
 *     "train": false} or {@code "weight": 0}; means nothing for the other roles
 */
public record Message(
    Role role, String content, Map<String, @Nullable Object> extras, boolean learned) {
  /** The key under which an assistant's message carries its tool calls, as OpenAI writes them. */
  public static final String TOOL_CALLS = "tool_calls";

  public Message {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(content, "content");
    extras = extras.isEmpty() ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(extras));
  }

  /** Words and nothing else. */
  public Message(Role role, String content) {
    this(role, content, Map.of(), true);
  }

  /** Instructions before the first turn. */
  public static Message system(String content) {
    return new Message(Role.SYSTEM, content);
  }

  /** What the person says. */
  public static Message human(String content) {
    return new Message(Role.HUMAN, content);
  }

  /** What the model says. */
  public static Message assistant(String content) {
    return new Message(Role.ASSISTANT, content);
  }

  /** Whether the model calls tools in this message. */
  public boolean callsTools() {
    return extras.get(TOOL_CALLS) != null;
  }

  /** The same message, learned or not. */
  public Message learned(boolean now) {
    return now == learned ? this : new Message(role, content, extras, now);
  }
}
